package problem_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/problem"
)

// TestI12_onlyWhatMayWorkLaterSaysWhen: no permanent problem carries a retry hint,
// whoever puts one on it; seconds are rounded up, for 0 would mean at once.
func TestI12_onlyWhatMayWorkLaterSaysWhen(t *testing.T) {
	t.Parallel()
	for _, kind := range problem.Kinds() {
		p := problem.New(kind, "it broke", "fix it").WithRetryAfter(1500 * time.Millisecond)
		w := httptest.NewRecorder()
		problem.WriteHTTP(w, p)
		want, header := time.Duration(0), ""
		if kind.Retryable() {
			want, header = 1500*time.Millisecond, "2"
		}
		if p.RetryAfter() != want || w.Header().Get("Retry-After") != header {
			t.Errorf("%v: %s, Retry-After %q; want %s, %q", kind, p.RetryAfter(), w.Header().Get("Retry-After"), want, header)
		}
	}
	if after := problem.New(problem.Unavailable, "down", "").RetryAfter(); after <= 0 {
		t.Errorf("an Unavailable that knows no better says %s", after)
	}
}
