package cas

import (
	"errors"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/session"
)

// A request does not outlive its session, whatever was asked for.
func TestWithin(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ left, life, want time.Duration }{
		{time.Hour, 5 * time.Minute, 5 * time.Minute},
		{90*time.Second + 500*time.Millisecond, 5 * time.Minute, 90 * time.Second},
		{1500 * time.Millisecond, time.Minute, time.Second},
		{900 * time.Millisecond, time.Minute, 0},
		{-time.Second, time.Minute, 0},
	} {
		got, err := within(session.Session{Credentials: session.Credentials{Expires: time.Now().Add(row.left)}}, row.life)
		if got != row.want || (err != nil) != (row.want == 0) || err != nil && !errors.Is(err, cloud.ErrExpired) {
			t.Errorf("%s are left, %s asked for: %s, %v", row.left, row.life, got, err)
		}
	}
}
