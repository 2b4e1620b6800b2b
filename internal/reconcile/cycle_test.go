package reconcile_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscredentials "github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/s3control/types"

	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/emulator/journal"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/reconcile"
)

// made returns organizations that have everything.
func (w *world) made(t *testing.T, r *reconcile.Reconciler, n int) []org.Organization {
	t.Helper()
	var all []org.Organization
	for range n {
		o := w.organization(t)
		if err := r.Reconcile(t.Context(), o.ID); err != nil {
			t.Fatal(err)
		}
		all = append(all, o)
	}
	return all
}

func (w *world) cycle(t *testing.T, r *reconcile.Reconciler) reconcile.Tally {
	t.Helper()
	tally, err := r.Cycle(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return tally
}

// calls counts what is in the journal, and holds that it only reads.
func (w *world) calls(t *testing.T) int {
	t.Helper()
	n := 0
	for _, e := range w.aws.Journal().Entries(journal.Filter{}) {
		if e.Service == "sts" { // the pod's credentials
			continue
		}
		n++
		if !strings.HasPrefix(e.Operation, "Get") && !strings.HasPrefix(e.Operation, "List") {
			t.Errorf("%s %s by %s", e.Operation, e.Resource, e.Caller)
		}
	}
	return n
}

// A cycle in which nothing changed makes two listings, reads the base role, and glances at
// those whose turn it is; nobody's session policy is read, and no job is made. A process
// that starts is no reason to read everything: what was seen is in the database.
func TestASteadyCycleLists(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		w := newWorldOn(t, target)
		w.made(t, w.reconciler(t, w.network), 3)
		for range 2 {
			r := w.reconciler(t, w.network)
			w.aws.Journal().Clear()
			if got := w.cycle(t, r); got.Organizations != 3 || got.Due != 0 || got.Glanced != 3 || got.Drifted != 0 || len(got.Orphans) != 0 {
				t.Errorf("cycle %+v", got)
			}
			if n := w.calls(t); n != 3+2*3 {
				t.Errorf("%d calls, want 9", n)
			}
		}
	})
}

// One change by hand, and the next cycle asks for a deep look at this organization alone:
// at once when a listing shows it, or when it is the organization's turn.
func TestACycleFindsDrift(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.reconciler(t, w.network)
	w.made(t, r, 1) // which nobody touches
	const listing, glance = "listing", "glance"
	for name, row := range map[string]struct {
		shows string
		drift func(context.Context, org.ID) error
		state org.State
	}{
		"session policy changed": {listing, func(ctx context.Context, id org.ID) error {
			return w.root.AddPolicyVersion(ctx, w.in.Tenant(id).SessionPolicyARN(), w.in.Tenant(org.NewID()).SessionPolicy())
		}, org.Ready},
		"session policy made anew": {listing, func(ctx context.Context, id org.ID) error {
			if err := w.root.DeletePolicy(ctx, w.in.Tenant(id).SessionPolicyARN()); err != nil {
				return err
			}
			_, err := w.root.CreatePolicy(ctx, w.in.Tenant(id).SessionPolicyName(), "", w.in.Tenant(org.NewID()).SessionPolicy())
			return err
		}, org.Ready},
		"session policy deleted": {listing, func(ctx context.Context, id org.ID) error {
			return w.root.DeletePolicy(ctx, w.in.Tenant(id).SessionPolicyARN())
		}, org.Ready},
		"access point deleted": {listing, func(ctx context.Context, id org.ID) error {
			return w.root.DeleteAccessPoint(ctx, w.in.Tenant(id).APName())
		}, org.Ready},
		"access point for a VPC": {listing, func(ctx context.Context, id org.ID) error {
			return w.replaceAccessPoint(ctx, id, func(in *s3control.CreateAccessPointInput) {
				in.VpcConfiguration = &types.VpcConfiguration{VpcId: aws.String("vpc-1a2b3c4d")}
			})
		}, org.Degraded},
		"access point that is open": {"", func(ctx context.Context, id org.ID) error {
			return w.replaceAccessPoint(ctx, id, func(in *s3control.CreateAccessPointInput) {
				in.PublicAccessBlockConfiguration = &types.PublicAccessBlockConfiguration{BlockPublicAcls: aws.Bool(true)}
			})
		}, org.Degraded},
		"access point policy": {glance, func(ctx context.Context, id org.ID) error {
			tenant := w.in.Tenant(id)
			return w.root.PutAccessPointPolicy(ctx, tenant.APName(), tenant.APPolicy("AROAEXAMPLEEXAMPLE000"))
		}, org.Ready},
		"coordinates": {glance, func(ctx context.Context, id org.ID) error { return w.secrets.DeleteCoordinates(ctx, id) }, org.Ready},
		"not ready": {listing, func(ctx context.Context, id org.ID) error {
			_, err := w.db.SetOrganizationState(ctx, id, org.Degraded, "a full account")
			return err
		}, org.Ready},
	} {
		o := w.made(t, r, 1)[0]
		if err := row.drift(t.Context(), o.ID); err != nil {
			t.Fatal(name, err)
		}
		got := w.cycle(t, r)
		if got.Due+got.Drifted != 1 || row.shows == listing && got.Due != 1 || row.shows == glance && got.Drifted != 1 {
			t.Errorf("%s: cycle %+v", name, got)
		}
		if err := r.Reconcile(t.Context(), o.ID); err != nil {
			t.Error(name, err)
		}
		if now, err := w.db.OrganizationByID(t.Context(), o.ID); err != nil || now.State != row.state {
			t.Errorf("%s: %+v, %v", name, now, err)
		}
		if row.state == org.Degraded { // the next rows are to start clean
			if err := w.root.DeleteAccessPoint(t.Context(), w.in.Tenant(o.ID).APName()); err != nil {
				t.Fatal(err)
			}
			if err := r.Reconcile(t.Context(), o.ID); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.cycle(t, r); got.Due+got.Drifted != 0 {
			t.Errorf("%s, repaired: cycle %+v", name, got)
		}
	}
}

// replaceAccessPoint deletes an organization's access point and makes another of its name.
func (w *world) replaceAccessPoint(ctx context.Context, id org.ID, change func(*s3control.CreateAccessPointInput)) error {
	name := w.in.Tenant(id).APName()
	if err := w.root.DeleteAccessPoint(ctx, name); err != nil {
		return err
	}
	key := w.aws.RootCredentials()
	client := s3control.New(s3control.Options{
		Region: "us-east-1", BaseEndpoint: &w.endpoint, HTTPClient: httpClient{w.network},
		Credentials: awscredentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, ""),
	})
	in := &s3control.CreateAccessPointInput{AccountId: &w.in.AccountID, Name: &name, Bucket: &w.in.BucketName}
	change(in)
	_, err := client.CreateAccessPoint(ctx, in)
	return err
}

// A base role with another id makes everybody due. A replica that had read the old id
// and made no cycle since neither takes the old policies for right nor writes them.
func TestAReplicaWithAnOldRoleID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stale := w.reconciler(t, w.network)
	o := w.made(t, stale, 2)[0]
	w.recreateBaseRole(t)
	if got := w.cycle(t, w.reconciler(t, w.network)); got.Due != 2 {
		t.Errorf("cycle %+v; want both due", got)
	}
	if err := stale.Reconcile(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	w.settled(t, o.ID, org.Ready)
}
