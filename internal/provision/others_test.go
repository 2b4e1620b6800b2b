package provision_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// trusting lets the account have a role.
func trusting(arn string) *iam.Document {
	return &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{{
		Effect: iam.Allow, Principals: &iam.Principals{AWS: []string{arn}}, Actions: []string{"sts:AssumeRole"},
	}}}
}

// A role that somebody makes between plan and step gets no permissions, unless it is the one
// that the step would have made: of two provisions at once, each goes on.
func TestRolesThatAppearSinceThePlan(t *testing.T) {
	t.Parallel()
	for name, theirs := range map[string]func(tenancy.Installation) *iam.Document{
		"":                  tenancy.Installation.WorkloadTrustPodIdentity,
		"somebody else has": func(in tenancy.Installation) *iam.Document { return trusting("arn:aws:iam::" + account + ":root") },
	} {
		_, c := emulated(t)
		p := provisioner(t, names(), c)
		plan, err := p.Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.CreateRole(t.Context(), "backend", "", theirs(names()), time.Hour); err != nil {
			t.Fatal(err)
		}
		_, err = p.Apply(t.Context(), plan)
		switch {
		case name == "" && err != nil:
			t.Errorf("the same role: %v", err)
		case name == "":
		case err == nil || !strings.Contains(err.Error(), name):
			t.Errorf("another role: %v", err)
		default:
			if _, err := c.RolePolicy(t.Context(), "backend", "managedcas"); !errors.Is(err, cloud.ErrNotFound) {
				t.Errorf("it has got permissions: %v", err)
			}
		}
	}
}

// Nobody gets a role's permissions in silence.
func TestWhoHasAnAdoptedRoleIsAQuestion(t *testing.T) {
	t.Parallel()
	_, c := emulated(t)
	if _, err := c.CreateRole(t.Context(), "cas", "", trusting("arn:aws:iam::"+account+":root"), time.Hour); err != nil {
		t.Fatal(err)
	}
	plan, err := provisioner(t, names(), c).Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(plan.Notes, func(note string) bool { return strings.Contains(note, "trust policy of role cas is not provision's") }) {
		t.Errorf("notes %q", plan.Notes)
	}
}

// A configuration with a slip in the name of its bucket is no reason to take another
// installation's session policy away.
func TestRemovalLeavesTheSharedPolicyOfOthers(t *testing.T) {
	t.Parallel()
	_, c := emulated(t)
	in := sharing(t, c)
	if _, err := c.CreatePolicy(t.Context(), in.SharedPolicyName(), "", in.SharedPolicy()); err != nil {
		t.Fatal(err)
	}
	slip := in
	slip.BucketName = "artefacts"
	plan := removalPlan(t, removal(slip, c))
	if len(plan.Steps) != 0 || !strings.Contains(strings.Join(plan.Left, "\n"), "policy "+in.SharedPolicyARN()) {
		t.Errorf("steps %v, left %q", removalWords(plan), plan.Left)
	}
	// It goes with its own base role, when the bucket has gone before.
	if err := c.DeleteBucket(t.Context(), in.BucketName); err != nil {
		t.Fatal(err)
	}
	if plan := removalPlan(t, removal(in, c)); !slices.Contains(removalWords(plan), "delete policy cas-shared") {
		t.Errorf("steps %v, left %q", removalWords(plan), plan.Left)
	}
}
