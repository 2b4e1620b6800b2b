package provision_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/provision"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// theirs is a policy that somebody has given the bucket: one denial, one grant, and one of
// our statements changed by hand.
func theirs(in tenancy.Installation) *iam.Document {
	everyone := &iam.Principals{Any: true}
	d := in.BucketPolicy()
	d.Statements[0].Actions = []string{"s3:GetObject"}
	d.Statements = append(d.Statements,
		iam.Statement{Sid: "NoTagging", Effect: iam.Deny, Principals: everyone, Actions: []string{"s3:PutBucketTagging"}, Resources: []string{in.BucketARN()}},
		iam.Statement{Sid: "Auditors", Effect: iam.Allow, Principals: &iam.Principals{AWS: []string{"arn:aws:iam::" + account + ":root"}}, Actions: []string{"s3:GetBucketAcl"}, Resources: []string{in.BucketARN()}},
	)
	return d
}

// What others deny stays, what they allow goes, and the plan shows both, statement by
// statement.
func TestDenialsOfOthersStay(t *testing.T) {
	t.Parallel()
	_, c := emulated(t)
	in, err := apply(t, names(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.PutBucketPolicy(t.Context(), "artifacts", theirs(in)); err != nil {
		t.Fatal(err)
	}
	plan, err := provisioner(t, in, c).Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Steps) != 1 || len(plan.Kept) != 1 {
		t.Fatalf("steps %v, kept %v", plan.Steps, plan.Kept)
	}
	if k := plan.Kept[0]; k.Where != "the policy of bucket artifacts" || !strings.Contains(string(k.Statement), `"NoTagging"`) {
		t.Errorf("kept %s: %s", k.Where, k.Statement)
	}
	step := plan.Steps[0]
	if got := sids(t, step.Removes); !slices.Equal(got, []string{"DenyPlainHTTP", "Auditors"}) {
		t.Errorf("removes %v", got)
	}
	if got := sids(t, step.Adds); !slices.Equal(got, []string{"DenyPlainHTTP"}) {
		t.Errorf("adds %v", got)
	}
	if _, err := apply(t, in, c); err != nil {
		t.Fatal(err)
	}
	after := bucketPolicy(t, c)
	if !strings.Contains(after, `"NoTagging"`) || strings.Contains(after, `"Auditors"`) || !strings.Contains(after, `"DenyPlainHTTP"`) {
		t.Errorf("after: %s", after)
	}
	again, err := provisioner(t, in, c).Plan(t.Context())
	if err != nil || len(again.Steps) != 0 || len(again.Kept) != 1 {
		t.Errorf("again: %v, kept %v, %v", again.Steps, again.Kept, err)
	}

	// Whoever asks for it is rid of it.
	replacing := replacer(t, in, c)
	plan, err = replacing.Plan(t.Context())
	if err != nil || len(plan.Kept) != 0 || len(plan.Steps) != 1 || !slices.Equal(sids(t, plan.Steps[0].Removes), []string{"NoTagging"}) {
		t.Fatalf("replacing: %+v, %v", plan, err)
	}
	if _, err := replacing.Apply(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	if after := bucketPolicy(t, c); strings.Contains(after, "NoTagging") {
		t.Errorf("after replacing: %s", after)
	}
}

// The denials of others stay in every policy that provision owns.
func TestDenialsOfOthersStayEverywhere(t *testing.T) {
	t.Parallel()
	_, c := emulated(t)
	in, err := apply(t, names(), c)
	if err != nil {
		t.Fatal(err)
	}
	denying := func(d *iam.Document, principals *iam.Principals, action string, resources ...string) *iam.Document {
		d.Statements = append(d.Statements, iam.Statement{Sid: "Theirs", Effect: iam.Deny, Principals: principals, Actions: []string{action}, Resources: resources})
		return d
	}
	everyone := &iam.Principals{Any: true}
	ctx := t.Context()
	for _, err := range []error{
		c.PutKeyPolicy(ctx, in.KMSKeyARN, denying(in.KeyPolicy(), everyone, "kms:DeleteImportedKeyMaterial", "*")),
		c.PutRoleTrust(ctx, "tenant", denying(in.BaseRoleTrust(), everyone, "sts:SetSourceIdentity")),
		c.PutRolePolicy(ctx, "backend", "managedcas", denying(in.BackendPermissions(), nil, "ec2:RunInstances", "*")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	plan, err := provisioner(t, in, c).Plan(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var where []string
	for _, k := range plan.Kept {
		where = append(where, k.Where)
	}
	want := []string{"the trust policy of base role tenant", "the policy managedcas of role backend", "the policy of the KMS key"}
	if len(plan.Steps) != 0 || !slices.Equal(where, want) {
		t.Errorf("steps %v, kept in %v", plan.Steps, where)
	}
}

// "${aws:username}" is text in the older version of the language, and a variable in ours.
func TestOlderDenialsAreNotReinterpreted(t *testing.T) {
	t.Parallel()
	_, c := emulated(t)
	in, err := apply(t, names(), c)
	if err != nil {
		t.Fatal(err)
	}
	old := &iam.Document{Version: iam.Version2008, Statements: []iam.Statement{{
		Sid: "Theirs", Effect: iam.Deny, Principals: &iam.Principals{Any: true}, Actions: []string{"s3:GetObject"},
		Resources: []string{in.BucketARN() + "/${aws:username}/*"},
	}}}
	if err := c.PutBucketPolicy(t.Context(), "artifacts", old); err != nil {
		t.Fatal(err)
	}
	if _, err := provisioner(t, in, c).Plan(t.Context()); err == nil || !strings.Contains(err.Error(), "--replace-policy") {
		t.Errorf("with a variable: %v", err)
	}
	if _, err := replacer(t, in, c).Plan(t.Context()); err != nil {
		t.Errorf("replaced: %v", err)
	}
	old.Statements[0].Resources = []string{in.BucketARN() + "/username/*"}
	if err := c.PutBucketPolicy(t.Context(), "artifacts", old); err != nil {
		t.Fatal(err)
	}
	if plan, err := provisioner(t, in, c).Plan(t.Context()); err != nil || len(plan.Kept) != 1 {
		t.Errorf("without: kept %v, %v", plan.Kept, err)
	}
}

// AWS takes no policy that names a principal which is gone: such a denial cannot be kept in
// one that has to be written, and does no harm in one that has not.
func TestDenialsAboutWhomThereIsNot(t *testing.T) {
	t.Parallel()
	_, c := emulated(t)
	in, err := apply(t, names(), c)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if _, err := c.CreateRole(ctx, "visitor", "", in.WorkloadTrustPodIdentity(), 60*60*1e9); err != nil {
		t.Fatal(err)
	}
	policy := in.BucketPolicy()
	policy.Statements = append(policy.Statements, iam.Statement{
		Sid: "NotTheVisitor", Effect: iam.Deny, Principals: &iam.Principals{AWS: []string{"arn:aws:iam::" + account + ":role/visitor"}},
		Actions: []string{"s3:GetBucketAcl"}, Resources: []string{in.BucketARN()},
	})
	for _, err := range []error{c.PutBucketPolicy(ctx, "artifacts", policy), c.DeleteRole(ctx, "visitor")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if plan, err := provisioner(t, in, c).Plan(ctx); err != nil || len(plan.Steps) != 0 || len(plan.Kept) != 1 {
		t.Errorf("nothing to write: %v, kept %v, %v", plan.Steps, plan.Kept, err)
	}
	in.OperatorARNs = nil
	if _, err := provisioner(t, in, c).Plan(ctx); err == nil || !strings.Contains(err.Error(), "a user or role that was deleted") || !strings.Contains(err.Error(), "--replace-policy") {
		t.Errorf("something to write: %v", err)
	}
	if plan, err := replacer(t, in, c).Plan(ctx); err != nil || len(plan.Steps) != 1 {
		t.Errorf("replaced: %v, %v", plan.Steps, err)
	}
}

// unread answers with a policy that AWS may have and this program does not understand, and
// with other settings of a bucket.
type unread struct {
	provision.Buckets
	policy, algorithm string
}

func (u unread) Bucket(ctx context.Context, name string) (cloud.Bucket, error) {
	b, err := u.Buckets.Bucket(ctx, name)
	if u.policy != "" {
		b.Policy = []byte(u.policy)
	}
	if u.algorithm != "" {
		b.Encryption.Algorithm = u.algorithm
	}
	return b, err
}

func TestWhatIsNotUnderstoodIsNotReplaced(t *testing.T) {
	t.Parallel()
	_, c := emulated(t)
	in, err := apply(t, names(), c)
	if err != nil {
		t.Fatal(err)
	}
	cfg := provision.Config{
		Installation: in, Roles: c, Keys: c, Settings: c,
		Buckets: unread{Buckets: c, policy: `{"Version":"2031-01-01","Statement":[]}`},
	}
	plan := func() (provision.Plan, error) {
		p, err := provision.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return p.Plan(t.Context())
	}
	if _, err := plan(); err == nil || !strings.Contains(err.Error(), "the policy of bucket artifacts cannot be understood") || !strings.Contains(err.Error(), "--replace-policy") {
		t.Errorf("a policy of the future: %v", err)
	}
	cfg.ReplacePolicies = true
	if p, err := plan(); err != nil || len(p.Steps) != 1 || len(p.Steps[0].Removes) != 1 {
		t.Errorf("replaced: %v, %v", p.Steps, err)
	}
	cfg.Buckets = unread{Buckets: c, algorithm: "aws:kms:dsse"}
	if _, err := plan(); err == nil || !strings.Contains(err.Error(), "does not weaken it") {
		t.Errorf("encryption in two layers: %v", err)
	}
}

// A bucket that is not known by its policy may be in use by others, and the plan says so.
func TestAForeignBucketIsAnnounced(t *testing.T) {
	t.Parallel()
	_, c := emulated(t)
	if err := c.CreateBucket(t.Context(), "artifacts"); err != nil {
		t.Fatal(err)
	}
	plan, err := provisioner(t, names(), c).Plan(t.Context())
	if err != nil || !slices.Equal(plan.Adopted, []string{"bucket artifacts"}) || len(plan.Notes) != 1 || !strings.Contains(plan.Notes[0], "nobody else uses it") {
		t.Errorf("adopted %v, notes %v, %v", plan.Adopted, plan.Notes, err)
	}
	in, err := apply(t, names(), c)
	if err != nil {
		t.Fatal(err)
	}
	plan, err = provisioner(t, in, c).Plan(t.Context())
	want := []string{"role backend", "role controlplane", "role cas", "base role tenant", "KMS key " + in.KMSKeyARN, "bucket artifacts"}
	if err != nil || !slices.Equal(plan.Adopted, want) || len(plan.Notes) != 0 {
		t.Errorf("adopted %v, notes %v, %v", plan.Adopted, plan.Notes, err)
	}
}

func replacer(t *testing.T, in tenancy.Installation, c *awscloud.Cloud) *provision.Provisioner {
	t.Helper()
	p, err := provision.New(provision.Config{Installation: in, Roles: c, Keys: c, Buckets: c, Settings: c, ReplacePolicies: true})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func bucketPolicy(t *testing.T, c *awscloud.Cloud) string {
	t.Helper()
	b, err := c.Bucket(t.Context(), "artifacts")
	if err != nil {
		t.Fatal(err)
	}
	return string(b.Policy)
}

func sids(t *testing.T, statements []json.RawMessage) []string {
	t.Helper()
	var found []string
	for _, s := range statements {
		var named struct{ Sid string }
		if err := json.Unmarshal(s, &named); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		found = append(found, named.Sid)
	}
	return found
}
