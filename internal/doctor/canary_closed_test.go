package doctor

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/org"
)

// What is not there was looked for: only a denial keeps anybody out.
func TestOnlyADenialIsClosed(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		answer error
		want   Status
	}{
		"denied": {fmt.Errorf("x: %w", cloud.ErrDenied), OK}, "let in": {nil, Failed}, "not there": {fmt.Errorf("x: %w", cloud.ErrNotFound), Failed},
		"throttled": {cloud.ErrThrottled, Unseen}, "no answer": {errors.New("x"), Unseen},
	} {
		c := canary{in: installation(t), reach: struct{ Reach }{}}
		c.closed(t.Context(), "others", "what is another's is closed", func(context.Context) error { return row.answer })
		if got := c.results[0].Status; got != row.want {
			t.Errorf("%s: %s, want %s", name, got, row.want)
		}
	}
}

// The rule that docs/doctor.md has for what canaries leave deletes nobody's artifacts.
func TestTheRuleForCanariesIsNoMistake(t *testing.T) {
	t.Parallel()
	in := installation(t)
	for prefix, want := range map[string]string{
		org.CanaryPrefix: "", org.CanaryPrefix + "123": "", org.CanaryPrefix[:13]: "bucket-lifecycle-expires", "": "bucket-lifecycle-expires",
	} {
		o := Observation{Installation: in, bucketSeen: healthyBucket(t, in)}
		o.Lifecycle.Value = append(o.Lifecycle.Value, cloud.LifecycleRule{ID: "canaries", Enabled: true, Prefix: prefix, Expires: true, Text: []byte(`{"ID":"canaries"}`)})
		if found := codes(look(t, o, []check{{look: lifecycle}})); found != want {
			t.Errorf("prefix %q: %q, want %q", prefix, found, want)
		}
	}
}
