package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

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
		if broken := len(c.results[0].Findings) == 1 && c.results[0].Findings[0].Code == "isolation-broken"; broken != (row.want == Failed) {
			t.Errorf("%s: findings %+v", name, c.results[0].Findings)
		}
	}
}

// refusing is an AWS that deletes nothing.
type refusing struct{ AWS }

func (refusing) DeleteAccessPoint(context.Context, string) error { return cloud.ErrDenied }
func (refusing) DeletePolicy(context.Context, string) error      { return cloud.ErrDenied }

// What stays is named, with the commands that take it away.
func TestWhatACanaryLeavesIsSaid(t *testing.T) {
	t.Parallel()
	in := installation(t)
	c := canary{in: in, cfg: CanaryConfig{AWS: refusing{}}, tenant: in.Tenant(org.NewCanaryID(time.Now()))}
	c.clean(t.Context())
	if found := c.results[0].Findings; len(found) != 1 || found[0].Code != "canary-left-behind" || len(found[0].Fix.Commands) != 2 ||
		!strings.HasSuffix(found[0].Fix.Commands[0], c.tenant.APName()) || !strings.HasSuffix(found[0].Fix.Commands[1], c.tenant.SessionPolicyARN()) {
		t.Errorf("%+v", c.results)
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
