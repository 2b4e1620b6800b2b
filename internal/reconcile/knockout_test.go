package reconcile_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	awscredentials "github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/probe"
	"github.com/managedcas/managedcas/internal/registry"
)

// What a probe finds out with layers knocked out. It tells what sessions can do, not which
// layers there are: that is PolicyInSync. I8: while one is missing, the others
// still keep the organization apart.
func TestProbeWithALayerKnockedOut(t *testing.T) {
	t.Parallel()
	anything := &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{
		{Effect: iam.Allow, Actions: []string{"s3:*", "kms:*"}, Resources: []string{"*"}},
	}}
	// A bucket policy without our statements lets the account's access points decide.
	open := &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{
		{Sid: "Ours", Effect: iam.Deny, Principals: everyone(), Actions: []string{"s3:PutBucketTagging"}, Resources: []string{"arn:aws:s3:::artifacts"}},
	}}
	for name, row := range map[string]struct {
		knock  func(ctx context.Context, w *world, id org.ID) error
		status registry.ConditionStatus
		reason string
	}{
		"nothing": {func(context.Context, *world, org.ID) error { return nil }, registry.True, probe.Probed},
		"access point policy gone": {func(ctx context.Context, w *world, id org.ID) error {
			name := w.in.Tenant(id).APName()
			if err := w.root.DeleteAccessPoint(ctx, name); err != nil {
				return err
			}
			_, err := w.root.CreateAccessPoint(ctx, name, w.in.BucketName)
			return err
		}, registry.True, probe.Probed},
		"session policy widened": {func(ctx context.Context, w *world, id org.ID) error {
			return w.root.AddPolicyVersion(ctx, w.in.Tenant(id).SessionPolicyARN(), anything)
		}, registry.True, probe.Probed},
		"session policy gone": {func(ctx context.Context, w *world, id org.ID) error {
			return w.root.DeletePolicy(ctx, w.in.Tenant(id).SessionPolicyARN())
		}, registry.False, probe.SessionDenied},
		"bucket policy without our statements": {func(ctx context.Context, w *world, id org.ID) error {
			return w.root.PutBucketPolicy(ctx, w.in.BucketName, open)
		}, registry.False, probe.AccessDenied},
		"session and base role widened": {func(ctx context.Context, w *world, id org.ID) error {
			if err := w.root.AddPolicyVersion(ctx, w.in.Tenant(id).SessionPolicyARN(), anything); err != nil {
				return err
			}
			return w.root.PutRolePolicy(ctx, w.in.BaseRoleName, "wide", anything)
		}, registry.True, probe.Probed},
		"session, base role and bucket policy": {func(ctx context.Context, w *world, id org.ID) error {
			if err := w.root.AddPolicyVersion(ctx, w.in.Tenant(id).SessionPolicyARN(), anything); err != nil {
				return err
			}
			if err := w.root.PutRolePolicy(ctx, w.in.BaseRoleName, "wide", anything); err != nil {
				return err
			}
			return w.root.PutBucketPolicy(ctx, w.in.BucketName, open)
		}, registry.False, probe.IsolationBroken},
		"KMS key disabled": {func(ctx context.Context, w *world, id org.ID) error {
			_, err := w.rootKMS().DisableKey(ctx, &kms.DisableKeyInput{KeyId: &w.in.KMSKeyARN})
			return err
		}, registry.False, probe.KeyUnusable},
		"trust of the base role broken": {func(ctx context.Context, w *world, id org.ID) error {
			return w.root.PutRoleTrust(ctx, w.in.BaseRoleName, &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{
				{Effect: iam.Allow, Principals: &iam.Principals{AWS: []string{w.in.ControlplaneRoleARN()}}, Actions: []string{"sts:AssumeRole"}},
			}})
		}, registry.False, probe.SessionDenied},
		"coordinates of another": {func(ctx context.Context, w *world, id org.ID) error {
			return w.secrets.PutCoordinates(ctx, id, w.in.Tenant(org.NewID()).Coordinates())
		}, registry.False, probe.CoordinatesWrong},
		"coordinates gone": {func(ctx context.Context, w *world, id org.ID) error {
			return w.secrets.DeleteCoordinates(ctx, id)
		}, registry.False, probe.CoordinatesWrong},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			prober := w.prober(t)
			r := w.prover(t, prober, time.Hour, time.Millisecond)
			own, neighbour := w.organization(t), w.organization(t)
			for _, o := range []org.Organization{neighbour, own} {
				if err := reconcileUntil(t, r, o.ID); err != nil {
					t.Fatal(err)
				}
			}
			if err := row.knock(t.Context(), w, own.ID); err != nil {
				t.Fatal(err)
			}
			got := prober.Probe(t.Context(), own.ID)
			if got.Status != row.status || got.Reason != row.reason {
				t.Errorf("got %s/%s, want %s/%s: %v", got.Status, got.Reason, row.status, row.reason, got.Detail)
			}
			t.Logf("%s/%s: %s: %v", got.Status, got.Reason, got.Message, got.Detail)

			// The next look repairs what it can, and reports without AWS's names. I10.
			if err := w.db.SaveProbes(t.Context(), own.ID, registry.Probes{Next: time.Now()}); err != nil {
				t.Fatal(err)
			}
			_ = r.Reconcile(t.Context(), own.ID) // may want to look again
			w.namesNothing(t, own.ID)
		})
	}
}

func everyone() *iam.Principals { return &iam.Principals{Any: true} }

func (w *world) rootKMS() *kms.Client {
	key := w.aws.RootCredentials()
	return kms.New(kms.Options{
		Region: "us-east-1", BaseEndpoint: &w.endpoint,
		Credentials: awscredentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, ""),
	})
}

// namesNothing fails if what clients see of an organization has a name of AWS's.
func (w *world) namesNothing(t *testing.T, id org.ID) {
	t.Helper()
	conditions, err := w.db.Conditions(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	events, err := w.db.Events(t.Context(), id, registry.MaxEvents)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprint(conditions, events)
	for _, name := range []string{"arn:", w.in.AccountID, w.in.BucketName + "/", w.in.BaseRoleName + "/", w.in.APPrefix, w.in.Region, id.String()} {
		if strings.Contains(text, name) {
			t.Errorf("%q is in %s", name, text)
		}
	}
}
