package provision_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/emulator/faults"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/provision"
	"github.com/managedcas/managedcas/internal/tenancy"
)

func removal(in tenancy.Installation, c *awscloud.Cloud) *provision.Removal {
	return &provision.Removal{Installation: in, Roles: c, Keys: c, Buckets: c, Organizations: c}
}

func removalPlan(t *testing.T, r *provision.Removal) provision.RemovalPlan {
	t.Helper()
	plan, err := r.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func removalWords(plan provision.RemovalPlan) []string {
	return words(provision.Plan{Steps: plan.Steps})
}

// everyRole is an installation with all the roles that one can have.
func everyRole() tenancy.Installation {
	in := names()
	in.PurgeRoleName = "tenant-purge"
	return in
}

func TestRemovalInReverseOrder(t *testing.T) {
	t.Parallel()
	_, c := emulated(t)
	in, err := apply(t, everyRole(), c)
	if err != nil {
		t.Fatal(err)
	}
	plan := removalPlan(t, removal(everyRole(), c)) // the key by its alias
	want := []string{
		"delete bucket artifacts",
		"take the permissions of role tenant away", "delete role tenant",
		"take the permissions of role tenant-purge away", "delete role tenant-purge",
		"take the permissions of role cas away", "delete role cas",
		"take the permissions of role controlplane away", "delete role controlplane",
		"take the permissions of role backend away", "delete role backend",
	}
	if diff := cmp.Diff(want, removalWords(plan)); diff != "" {
		t.Fatalf("plan (-want +got):\n%s", diff)
	}
	if len(plan.Left) != 1 || !strings.Contains(plan.Left[0], in.KMSKeyARN) || !strings.Contains(plan.Left[0], "--delete-key DAYS") {
		t.Errorf("left %q", plan.Left)
	}
	if done, err := removal(in, c).Apply(t.Context(), plan); err != nil || done != len(want) {
		t.Fatalf("%d steps, %v", done, err)
	}
	again := removalPlan(t, removal(in, c))
	if len(again.Steps) != 0 || len(again.Refusals) != 0 || !slices.Equal(again.Left, plan.Left) {
		t.Errorf("again: %+v", again)
	}
	if _, err := c.Bucket(t.Context(), "artifacts"); !errors.Is(err, cloud.ErrNotFound) {
		t.Errorf("the bucket: %v", err)
	}
	for _, role := range []string{"tenant", "tenant-purge", "backend", "controlplane", "cas"} {
		if _, err := c.Role(t.Context(), role); !errors.Is(err, cloud.ErrNotFound) {
			t.Errorf("role %s: %v", role, err)
		}
	}
	// The key is found again by its alias, for what is made anew or restored.
	anew, err := apply(t, everyRole(), c)
	if err != nil || anew.KMSKeyARN != in.KMSKeyARN {
		t.Errorf("made anew with key %s, was %s: %v", anew.KMSKeyARN, in.KMSKeyARN, err)
	}
}

// Whoever is killed between two steps plans again, and all of it goes.
func TestRemovalGoesOn(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 11; n++ {
		_, c := emulated(t)
		in, err := apply(t, everyRole(), c)
		if err != nil {
			t.Fatal(err)
		}
		ctx, kill := context.WithCancel(t.Context())
		first := removal(in, c)
		first.Begun = func(at int, _ provision.Step) {
			if at == n {
				kill()
			}
		}
		plan := removalPlan(t, first)
		if done, err := first.Apply(ctx, plan); err == nil || done != n-1 || len(plan.Steps) != 11 {
			t.Fatalf("killed before %d of %d: %d done, %v", n, len(plan.Steps), done, err)
		}
		rest := removalPlan(t, removal(in, c))
		if got, want := removalWords(rest), removalWords(plan)[n-1:]; !slices.Equal(got, want) {
			t.Errorf("killed before step %d, then %v, want %v", n, got, want)
		}
		if _, err := removal(in, c).Apply(t.Context(), rest); err != nil {
			t.Error(err)
		}
		if last := removalPlan(t, removal(in, c)); len(last.Steps) != 0 || len(last.Left) != 1 {
			t.Errorf("killed before step %d, in the end %+v", n, last)
		}
	}
}

// What organizations have is in the way, and is named, with the next step.
func TestRemovalRefusesWhatOrganizationsHave(t *testing.T) {
	t.Parallel()
	_, c := emulated(t)
	in, err := apply(t, names(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CreateBucket(t.Context(), "another"); err != nil {
		t.Fatal(err)
	}
	acme := in.Tenant(mustID(t, "0f8fad5b-d9cb-469f-a165-70867728950e"))
	point := func(name, bucket string) func() error {
		return func() error {
			_, err := c.CreateAccessPoint(t.Context(), name, bucket)
			return err
		}
	}
	pointGone := func(name string) func() error {
		return func() error { return c.DeleteAccessPoint(t.Context(), name) }
	}
	for _, row := range []struct {
		what, next string
		make, undo func() error
	}{
		{"access point " + acme.APName(), "managedcas organization delete", point(acme.APName(), "artifacts"), pointGone(acme.APName())},
		{"access point theirs in bucket artifacts", "aws s3control delete-access-point", point("theirs", "artifacts"), pointGone("theirs")},
		{"access point cas-x of bucket another", "is this the right configuration file?", point("cas-x", "another"), pointGone("cas-x")},
		{
			"session policy " + acme.SessionPolicyName(), "aws iam delete-policy",
			func() error {
				_, err := c.CreatePolicy(t.Context(), acme.SessionPolicyName(), "", acme.SessionPolicy())
				return err
			},
			func() error { return c.DeletePolicy(t.Context(), acme.SessionPolicyARN()) },
		},
	} {
		if err := row.make(); err != nil {
			t.Fatal(err)
		}
		plan := removalPlan(t, removal(in, c))
		if len(plan.Steps) != 0 || len(plan.Refusals) != 1 || !strings.Contains(plan.Refusals[0], row.what) || !strings.Contains(plan.Refusals[0], row.next) {
			t.Errorf("%s: %+v", row.what, plan)
		}
		if done, err := removal(in, c).Apply(t.Context(), plan); done != 0 || err == nil {
			t.Errorf("%s: applied %d steps, %v", row.what, done, err)
		}
		if err := row.undo(); err != nil {
			t.Fatal(err)
		}
	}
	// A thousand are not all named.
	for _, name := range []string{"cas-a", "cas-b", "cas-c", "cas-d"} {
		if err := point(name, "artifacts")(); err != nil {
			t.Fatal(err)
		}
	}
	if plan := removalPlan(t, removal(in, c)); len(plan.Refusals) != 1 || !strings.HasPrefix(plan.Refusals[0], "there are 4 access points (cas-a, cas-b, cas-c, …)") {
		t.Errorf("four: %q", plan.Refusals)
	}
}

// Policies that only begin alike stay; the one of all organizations goes.
func TestRemovalOfSharedPolicy(t *testing.T) {
	t.Parallel()
	_, c := emulated(t)
	in := sharing(t, c)
	for _, name := range []string{in.SharedPolicyName(), "cas-theirs"} {
		if _, err := c.CreatePolicy(t.Context(), name, "", in.SharedPolicy()); err != nil {
			t.Fatal(err)
		}
	}
	plan := removalPlan(t, removal(in, c))
	if !slices.Contains(removalWords(plan), "delete policy cas-shared") || len(plan.Left) != 2 || !strings.Contains(plan.Left[0], "policy/cas-theirs") {
		t.Fatalf("%v, left %v", removalWords(plan), plan.Left)
	}
	if _, err := removal(in, c).Apply(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Policy(t.Context(), in.SharedPolicyARN()); !errors.Is(err, cloud.ErrNotFound) {
		t.Errorf("the policy of all: %v", err)
	}
	if _, _, err := c.Policy(t.Context(), "arn:aws:iam::"+account+":policy/cas-theirs"); err != nil {
		t.Errorf("somebody's: %v", err)
	}
}

// The right names with the wrong bucket, or the reverse, is another installation.
func TestRemovalRecognisesWhatIsOurs(t *testing.T) {
	t.Parallel()
	_, c := emulated(t)
	in, err := apply(t, names(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CreateBucket(t.Context(), "theirs"); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*tenancy.Installation){
		"bucket theirs":    func(in *tenancy.Installation) { in.BucketName = "theirs" },
		"bucket artifacts": func(in *tenancy.Installation) { in.APPrefix = "other-" },
	} {
		other := in
		spoil(&other)
		plan := removalPlan(t, removal(other, c))
		if len(plan.Steps) != 0 || len(plan.Refusals) == 0 || !strings.Contains(plan.Refusals[0], name) || !strings.Contains(plan.Refusals[0], "right configuration file?") {
			t.Errorf("%s: %+v", name, plan)
		}
	}
	// A bucket that there is none of says nothing about the roles: they name another one.
	missing := in
	missing.BucketName = "missing"
	if plan := removalPlan(t, removal(missing, c)); len(plan.Steps) != 0 || len(plan.Left) != 2 || !strings.Contains(plan.Left[1], "the workload roles") {
		t.Errorf("no such bucket: %+v", plan)
	}
	// A base role that has lost its policy has to be provisioned before.
	if err := c.DeleteRolePolicy(t.Context(), "tenant", "managedcas"); err != nil {
		t.Fatal(err)
	}
	trusting := &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{{
		Effect: iam.Allow, Principals: &iam.Principals{AWS: []string{"arn:aws:iam::" + account + ":root"}}, Actions: []string{"sts:AssumeRole"},
	}}}
	if err := c.PutRoleTrust(t.Context(), "tenant", trusting); err != nil {
		t.Fatal(err)
	}
	if plan := removalPlan(t, removal(in, c)); len(plan.Refusals) != 1 || !strings.Contains(plan.Refusals[0], "base role tenant") {
		t.Errorf("a base role without a policy: %+v", plan)
	}
}

// Roles that others have put something into lose our permissions, and stay.
func TestRemovalLeavesWhatOthersNeed(t *testing.T) {
	t.Parallel()
	_, c := emulated(t)
	in, err := apply(t, names(), c)
	if err != nil {
		t.Fatal(err)
	}
	extra := &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{{Effect: iam.Allow, Actions: []string{"ec2:DescribeRegions"}, Resources: []string{"*"}}}}
	mixed := in.WorkloadTrustPodIdentity()
	mixed.Statements = append(mixed.Statements, iam.Statement{
		Effect: iam.Allow, Principals: &iam.Principals{AWS: []string{"arn:aws:iam::" + account + ":root"}}, Actions: []string{"sts:AssumeRole"},
	})
	for _, err := range []error{
		c.PutRolePolicy(t.Context(), "tenant", "theirs", extra),
		c.PutRolePolicy(t.Context(), "backend", "theirs", extra),
		c.PutRoleTrust(t.Context(), "cas", mixed),
		c.DeleteRolePolicy(t.Context(), "controlplane", "managedcas"),
		c.PutRoleTrust(t.Context(), "controlplane", mixed),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	plan := removalPlan(t, removal(in, c))
	want := []string{
		"delete bucket artifacts", "take the permissions of role tenant away",
		"take the permissions of role cas away", "take the permissions of role backend away",
	}
	if diff := cmp.Diff(want, removalWords(plan)); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	left := strings.Join(plan.Left, "\n")
	for _, says := range []string{
		"role tenant, without our permissions, for it has inline policy theirs; when nobody needs it: aws iam delete-role --role-name tenant",
		"role backend, without our permissions, for it has inline policy theirs",
		"role cas, without our permissions, for it has a trust policy that is not provision's",
		"role controlplane, which has no policy managedcas that names arn:aws:iam::123456789012:role/tenant",
	} {
		if !strings.Contains(left, says) {
			t.Errorf("not said: %s\n%s", says, left)
		}
	}
	if _, err := removal(in, c).Apply(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	if again := removalPlan(t, removal(in, c)); len(again.Steps) != 0 || len(again.Refusals) != 0 {
		t.Errorf("again: %+v", again)
	}
}

// The key goes only when that is asked for, and only if nobody else has a part in it.
func TestRemovalOfTheKey(t *testing.T) {
	t.Parallel()
	_, c := emulated(t)
	in, err := apply(t, names(), c)
	if err != nil {
		t.Fatal(err)
	}
	shared := in.KeyPolicy()
	shared.Statements = append(shared.Statements, iam.Statement{
		Sid: "Backups", Effect: iam.Allow, Principals: &iam.Principals{AWS: []string{"arn:aws:iam::" + account + ":root"}}, Actions: []string{"kms:Decrypt"}, Resources: []string{"*"},
	})
	if err := c.PutKeyPolicy(t.Context(), in.KMSKeyARN, shared); err != nil {
		t.Fatal(err)
	}
	r := removal(in, c)
	for _, days := range []int{-1, 6, 31} {
		r.DeleteKey = days
		if _, err := r.Plan(t.Context()); err == nil || !strings.Contains(err.Error(), "7 to 30 days") {
			t.Errorf("%d days: %v", days, err)
		}
	}
	r.DeleteKey = 7
	if plan := removalPlan(t, r); len(plan.Refusals) != 1 || !strings.Contains(plan.Refusals[0], `"Backups"`) {
		t.Errorf("a key of others, too: %+v", plan)
	}
	if err := c.PutKeyPolicy(t.Context(), in.KMSKeyARN, in.KeyPolicy()); err != nil {
		t.Fatal(err)
	}
	r.DeleteKey = 30
	plan := removalPlan(t, r)
	if got := removalWords(plan)[1]; got != "have KMS delete key "+in.KMSKeyARN+" after 30 days; no copy and no backup of an artifact can be read then" || len(plan.Left) != 0 {
		t.Errorf("%s, left %v", got, plan.Left)
	}
	if _, err := r.Apply(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	if key, err := c.Key(t.Context(), in.KMSKeyARN); err != nil || key.DeletionAt.IsZero() {
		t.Errorf("key %+v, %v", key, err)
	}
	if again := removalPlan(t, r); len(again.Steps) != 0 || len(again.Left) != 1 || !strings.Contains(again.Left[0], "cancel-key-deletion") {
		t.Errorf("again: %+v", again)
	}
}

// Throttling passes; what is stored between plan and deletion does not.
func TestRemovalIsPatientAndCareful(t *testing.T) {
	t.Parallel()
	aws, c := emulated(t)
	in, err := apply(t, names(), c)
	if err != nil {
		t.Fatal(err)
	}
	plan := removalPlan(t, removal(in, c))
	if _, err := c.CreateAccessPoint(t.Context(), "cas-late", "artifacts"); err != nil {
		t.Fatal(err)
	}
	if done, err := removal(in, c).Apply(t.Context(), plan); done != 0 || err == nil || !strings.Contains(err.Error(), "delete bucket artifacts") {
		t.Errorf("an access point came: %d steps, %v", done, err)
	}
	if err := c.DeleteAccessPoint(t.Context(), "cas-late"); err != nil {
		t.Fatal(err)
	}
	if err := aws.Faults().Replace(faults.Plan{Rules: []faults.Rule{
		{Service: "iam", Operation: "DeleteRole", Count: 1, Kind: faults.CutAfter},
		{Service: "s3", Operation: "DeleteBucket", Count: 5, Kind: faults.Throttle}, // more than one call tries
	}}); err != nil {
		t.Fatal(err)
	}
	if _, err := removal(in, c).Apply(t.Context(), plan); err != nil {
		t.Error(err)
	}
}

func mustID(t *testing.T, text string) org.ID {
	t.Helper()
	id, err := org.ParseID(text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// sharing is an installation whose organizations share one session policy.
func sharing(t *testing.T, c *awscloud.Cloud) tenancy.Installation {
	t.Helper()
	in := names()
	in.SessionPolicyMode = tenancy.ABAC
	in, err := apply(t, in, c)
	if err != nil {
		t.Fatal(err)
	}
	return in
}
