package service_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/controlplane"
	"github.com/managedcas/managedcas/internal/service"
)

// TestLimitsOfCalls: what is left out has the control plane's default, a burst is twice the
// rate, and every bound holds on both sides.
func TestLimitsOfCalls(t *testing.T) {
	t.Parallel()
	parse := func(line string) (controlplane.Limits, error) {
		cfg, err := service.ParseConfig([]byte(fmt.Sprintf("controlplane: {limits: {%s}}", line)))
		return cfg.Controlplane.Limits.Limits(), err
	}
	if got, err := parse(""); err != nil || got != controlplane.DefaultLimits() {
		t.Errorf("defaults: %v, %s", err, cmp.Diff(got, controlplane.DefaultLimits()))
	}
	got, err := parse("requestsPerSecondPerToken: 7, requestsPerSecondPerOrganization: 8, burstPerOrganization: 9")
	want := controlplane.DefaultLimits()
	want.PerToken, want.PerOrganization = controlplane.Rate{PerSecond: 7, Burst: 14}, controlplane.Rate{PerSecond: 8, Burst: 9}
	if err != nil || got != want {
		t.Errorf("%v, %s", err, cmp.Diff(got, want))
	}
	for _, key := range []string{
		"requestsPerSecondPerToken", "burstPerToken", "requestsPerSecondPerOrganization", "burstPerOrganization",
		"unauthenticatedPerSecondPerAddress", "unauthenticatedBurstPerAddress",
	} {
		for value, allowed := range map[int]bool{-1: false, 1: true, 1_000_000: true, 1_000_001: false} {
			_, err := parse(fmt.Sprintf("%s: %d", key, value))
			if (err == nil) != allowed || err != nil && !strings.Contains(err.Error(), "controlplane.limits."+key) {
				t.Errorf("%s of %d: %v, allowed: %v", key, value, err, allowed)
			}
		}
	}
	for value, allowed := range map[string]bool{"999ms": false, "1s": true, "5m": true, "5m1s": false} {
		if _, err := parse("callTime: " + value); (err == nil) != allowed {
			t.Errorf("callTime of %s: %v, allowed: %v", value, err, allowed)
		}
	}
}
