package service_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/service"
)

// 7002251153 is no answer to the question how long something took.
func TestTheLogHasUnits(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"json", "text"} {
		var text strings.Builder
		service.Log{Format: format}.Logger(&text).Info("call", "took", 7002251153*time.Nanosecond)
		if got := text.String(); !strings.Contains(got, "7.002251153s") {
			t.Errorf("%s: %s", format, got)
		}
	}
}

// Who stops waiting because it was told to did not give up.
func TestPollEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	down := errors.New("down")
	err := service.Poll(ctx, func() error { stop(); return down })
	if !errors.Is(err, context.Canceled) || !errors.Is(err, down) || strings.Contains(err.Error(), "gave up") {
		t.Errorf("%v", err)
	}
}
