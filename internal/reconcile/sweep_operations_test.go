package reconcile_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/reconcile"
	"github.com/managedcas/managedcas/internal/registry"
)

// operation is something that is done for one organization from beginning to end: what a
// client asks for, and what the backend does about it.
type operation struct {
	name      string
	retention time.Duration
	// prepare makes what there is before, with a process on which nothing goes wrong.
	prepare func(t *testing.T, l *sweepLane, o org.Organization)
	// ask is the client's part. It is repeated when it fails, and bears that it may have
	// succeeded all the same.
	ask func(ctx context.Context, p *process, o org.Organization) error
	// purges has the objects deleted as well.
	purges bool
	want   org.State
}

func (op operation) run(ctx context.Context, p *process, o org.Organization) error {
	if err := op.ask(ctx, p, o); err != nil {
		return err
	}
	return op.carryOut(ctx, p, o)
}

// carryOut is the backend's part.
func (op operation) carryOut(ctx context.Context, p *process, o org.Organization) error {
	if err := p.reconciler.Reconcile(ctx, o.ID); err != nil || !op.purges {
		return err
	}
	return p.purger.Due(ctx)
}

var sweepOperations = []operation{
	{
		name: "provision", retention: reconcile.DefaultRetention, want: org.Ready,
		prepare: func(*testing.T, *sweepLane, org.Organization) {},
		ask:     create,
	},
	{
		// Everything that an organization has is another's, or gone.
		name: "update", retention: reconcile.DefaultRetention, want: org.Ready,
		prepare: func(t *testing.T, l *sweepLane, o org.Organization) {
			l.made(t, o)
			l.change(t, o.ID)
		},
		ask: func(ctx context.Context, p *process, o org.Organization) error {
			return p.jobs.Look(ctx, []org.ID{o.ID})
		},
	},
	{
		name: "delete", want: org.Deleted, purges: true,
		prepare: func(t *testing.T, l *sweepLane, o org.Organization) { l.living(t, o) },
		ask:     remove,
	},
	{
		name: "undelete", retention: reconcile.DefaultRetention, want: org.Ready,
		prepare: func(t *testing.T, l *sweepLane, o org.Organization) {
			l.living(t, o)
			l.healthily(t, remove, o)
		},
		ask: func(ctx context.Context, p *process, o org.Organization) error {
			_, err := p.db.UndeleteOrganization(ctx, o.ID, "")
			return unless(err, registry.ErrNotDeleted)
		},
	},
}

func create(ctx context.Context, p *process, o org.Organization) error {
	return unless(p.db.CreateOrganization(ctx, o), registry.ErrExists)
}

func remove(ctx context.Context, p *process, o org.Organization) error {
	_, err := p.db.SetOrganizationState(ctx, o.ID, org.Deleting, "")
	return unless(err, org.ErrTransition)
}

func unless(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

// made makes an organization ready.
func (l *sweepLane) made(t *testing.T, o org.Organization) {
	t.Helper()
	l.healthily(t, create, o)
}

// healthily asks for something, and has it done.
func (l *sweepLane) healthily(t *testing.T, ask func(context.Context, *process, org.Organization) error, o org.Organization) {
	t.Helper()
	if err := ask(t.Context(), l.healthy, o); err != nil {
		t.Fatal(err)
	}
	if err := l.healthy.reconciler.Reconcile(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
}

// living makes a ready organization that has an artifact, the same as all others.
func (l *sweepLane) living(t *testing.T, o org.Organization) {
	t.Helper()
	l.made(t, o)
	content := []byte("the same content in every organization")
	d := digest.Of(content)
	key := l.w.in.Tenant(o.ID).ObjectKey(d)
	if err := l.w.objects(t, o.ID).Put(t.Context(), key, d, int64(len(content)), bytes.NewReader(content), cas.Label{}); err != nil {
		t.Fatal(err)
	}
}

// change makes everything of an organization something else: its session policy, of which
// there is no room for another version, is widened, its access point is gone, and its
// coordinates are another's.
func (l *sweepLane) change(t *testing.T, id org.ID) {
	t.Helper()
	tenant := l.w.in.Tenant(id)
	wide := &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{
		{Effect: iam.Allow, Actions: []string{"s3:*"}, Resources: []string{"*"}},
	}}
	for range 4 {
		if err := l.w.root.AddPolicyVersion(t.Context(), tenant.SessionPolicyARN(), wide); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.w.root.DeleteAccessPoint(t.Context(), tenant.APName()); err != nil {
		t.Fatal(err)
	}
	if err := l.w.secrets.PutCoordinates(t.Context(), id, l.w.in.Tenant(org.NewID()).Coordinates()); err != nil {
		t.Fatal(err)
	}
}
