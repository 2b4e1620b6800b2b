package reconcile_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/reconcile"
	"github.com/managedcas/managedcas/internal/tenancy"
)

const roleID = "AROAEXAMPLEEXAMPLE001"

func example(t *testing.T) tenancy.Installation {
	t.Helper()
	in, err := tenancy.New(names("arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func names(key string) tenancy.Installation {
	return tenancy.Installation{
		AccountID: "123456789012", Region: "us-east-1", BucketName: "artifacts", KMSKeyARN: key,
		APPrefix: "cas-", BaseRoleName: "tenant", SessionPolicyPrefix: "cas-",
		BackendRoleName: "backend", ControlplaneRoleName: "controlplane",
		OperatorARNs: []string{"arn:aws:iam::123456789012:root"}, Loopback: true,
		Secrets: tenancy.SecretsManager{Prefix: "managedcas/"},
	}
}

// complete is what an organization looks like when everything is right.
func complete(t *testing.T, d reconcile.Desired) reconcile.Observed {
	t.Helper()
	coordinates := d.Coordinates
	return reconcile.Observed{
		SessionPolicy: text(t, d.SessionPolicy),
		AccessPoint: &cloud.AccessPoint{
			Name: d.Tenant.APName(), Bucket: d.Bucket, NetworkOrigin: "Internet",
			Block: cloud.PublicAccessBlock{BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true},
		},
		AccessPointPolicy: text(t, d.AccessPointPolicy),
		Coordinates:       &coordinates,
		Backend:           true,
		BackendRecorded:   true,
	}
}

func text(t *testing.T, d *iam.Document) []byte {
	t.Helper()
	raw, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// I7: what is missing or different, and nothing else, is planned, in the order in
// which it must happen.
func TestI7DifferenceIsWhatIsMissing(t *testing.T) {
	t.Parallel()
	in := example(t)
	o := org.Organization{ID: org.NewID(), Name: "acme", State: org.Ready}
	desired := reconcile.Desire(in, o, roleID)
	tenant := desired.Tenant
	for name, row := range map[string]struct {
		change func(*reconcile.Observed)
		want   []string
	}{
		"nothing is missing": {func(*reconcile.Observed) {}, nil},
		"everything is missing": {func(o *reconcile.Observed) { *o = reconcile.Observed{} }, []string{
			"create session policy " + tenant.SessionPolicyName(),
			"create access point " + tenant.APName() + " on bucket artifacts",
			"put the policy of access point " + tenant.APName(),
			"save the coordinates of organization " + o.ID.String(),
			"save the storage backend of organization " + o.ID.String(),
		}},
		"session policy widened": {func(o *reconcile.Observed) {
			o.SessionPolicy = []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`)
		}, []string{"replace session policy " + tenant.SessionPolicyARN()}},
		"session policy unreadable": {func(o *reconcile.Observed) { o.SessionPolicy = []byte("{") },
			[]string{"replace session policy " + tenant.SessionPolicyARN()}},
		"policy of a former base role": {func(o *reconcile.Observed) {
			o.AccessPointPolicy = text(t, tenant.APPolicy("AROAEXAMPLEEXAMPLE000"))
		}, []string{"put the policy of access point " + tenant.APName()}},
		// What AWS shows in place of the ARN of a role that was deleted (facts AWS §12.16).
		"policy of a deleted role": {func(o *reconcile.Observed) {
			o.AccessPointPolicy = bytes.ReplaceAll(o.AccessPointPolicy, []byte(in.BaseRoleARN()), []byte(roleID))
		}, []string{"put the policy of access point " + tenant.APName()}},
		"the same in other words": {func(o *reconcile.Observed) {
			o.AccessPointPolicy = reworded(t, o.AccessPointPolicy)
			o.SessionPolicy = reworded(t, o.SessionPolicy)
		}, nil},
		"access point without policy": {func(o *reconcile.Observed) { o.AccessPointPolicy = nil },
			[]string{"put the policy of access point " + tenant.APName()}},
		"coordinates of another organization": {func(o *reconcile.Observed) {
			other := in.Tenant(org.NewID()).Coordinates()
			o.Coordinates = &other
		}, []string{"save the coordinates of organization " + o.ID.String()}},
		"backend pending": {func(o *reconcile.Observed) { o.Backend = false },
			[]string{"save the storage backend of organization " + o.ID.String()}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			observed := complete(t, desired)
			row.change(&observed)
			plan, err := reconcile.Difference(desired, observed)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.want, words(plan)); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}

// reworded returns a policy text as AWS or a person may write it: statements in another
// order, lists around single values, and no lists around others.
func reworded(t *testing.T, text []byte) []byte {
	t.Helper()
	var d map[string]any
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	statements := d["Statement"].([]any)
	slices.Reverse(statements)
	for _, s := range statements {
		s := s.(map[string]any)
		for _, key := range []string{"Action", "Resource"} {
			switch v := s[key].(type) {
			case string:
				s[key] = []any{v}
			case []any:
				slices.Reverse(v)
				if len(v) == 1 {
					s[key] = v[0]
				}
			}
		}
	}
	again, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(again, text) {
		t.Fatal("nothing was reworded")
	}
	return again
}

func words(plan []reconcile.Step) []string {
	var out []string
	for _, step := range plan {
		out = append(out, step.String())
	}
	return out
}

// What AWS lets nobody change is left alone, and said (facts AWS §1.3).
func TestImmutableDifferencesNeedAnOperator(t *testing.T) {
	t.Parallel()
	desired := reconcile.Desire(example(t), org.Organization{ID: org.NewID(), State: org.Pending}, roleID)
	for name, spoil := range map[string]func(*cloud.AccessPoint){
		"bucket":                  func(ap *cloud.AccessPoint) { ap.Bucket = "elsewhere" },
		"network origin":          func(ap *cloud.AccessPoint) { ap.NetworkOrigin = "VPC" },
		"block all public access": func(ap *cloud.AccessPoint) { ap.Block.RestrictPublicBuckets = false },
	} {
		observed := complete(t, desired)
		observed.SessionPolicy = nil
		spoil(observed.AccessPoint)
		plan, err := reconcile.Difference(desired, observed)
		beyond, ok := errors.AsType[*reconcile.BeyondRepair](err)
		if !ok || len(plan) != 0 || !strings.Contains(beyond.Problem, name) || beyond.Fix == "" {
			t.Errorf("%s: plan %v, error %v", name, plan, err)
		}
	}
}
