package reconcile

import (
	"context"
	"time"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/org"
)

// DefaultRetention is how long the objects of a deleted organization are kept.
const DefaultRetention = 30 * 24 * time.Hour

// removal ends first what is new and then what lives: CAS tokens need the storage
// backend, sessions the coordinates, and what the living sessions can do is denied before
// the access point goes, which takes S3 a moment. Last the session policy. Objects stay;
// that they do, and until when, is recorded when everything else is gone. The access point
// of another bucket is not ours to delete.
func removal(desired Desired, observed Observed) []Step {
	t := desired.Tenant
	var plan []Step
	if observed.BackendRecorded {
		plan = append(plan, DeleteBackend{Org: t.ID()})
	}
	if observed.Coordinates != nil {
		plan = append(plan, DeleteSecret{Org: t.ID()})
	}
	if observed.AccessPoint != nil && observed.AccessPoint.Bucket == desired.Bucket {
		if observed.Retained { // there was none when that was recorded
			plan = append(plan, RenewRetention{Org: t.ID()})
		}
		if !same(iam.KindAP, observed.AccessPointPolicy, desired.ClosedPolicy) {
			plan = append(plan, CloseAccessPoint{Name: t.APName(), Policy: desired.ClosedPolicy})
		}
		plan = append(plan, DeleteAccessPoint{Name: t.APName()})
	}
	if observed.SessionPolicy != nil {
		plan = append(plan, DeleteSessionPolicy{ARN: t.SessionPolicyARN()})
	}
	if !observed.Retained {
		plan = append(plan, RetainObjects{Org: t.ID()})
	}
	return plan
}

// The steps of a deletion, in their order.
type (
	// DeleteBackend takes the storage backend away: there are no CAS tokens any more.
	DeleteBackend struct{ Org org.ID }
	// DeleteSecret takes the coordinates away: no session is made any more.
	DeleteSecret struct{ Org org.ID }
	// CloseAccessPoint denies all data to everybody: living sessions are at their end.
	CloseAccessPoint struct {
		Name   string
		Policy *iam.Document
	}
	// DeleteAccessPoint takes the access point away; the objects stay.
	DeleteAccessPoint struct{ Name string }
	// DeleteSessionPolicy takes the managed policy away.
	DeleteSessionPolicy struct{ ARN string }
	// RetainObjects records that the objects are kept, and until when.
	RetainObjects struct{ Org org.ID }
	// RenewRetention records before an access point goes that there was one after the
	// retention began: the database may be an old copy, of a time before an undelete.
	RenewRetention struct{ Org org.ID }
)

func (s DeleteBackend) String() string {
	return "delete the storage backend of organization " + s.Org.String()
}
func (s DeleteSecret) String() string {
	return "delete the coordinates of organization " + s.Org.String()
}
func (s CloseAccessPoint) String() string    { return "deny all data through access point " + s.Name }
func (s DeleteAccessPoint) String() string   { return "delete access point " + s.Name }
func (s DeleteSessionPolicy) String() string { return "delete session policy " + s.ARN }
func (s RetainObjects) String() string {
	return "record the retention of the objects of organization " + s.Org.String()
}
func (s RenewRetention) String() string {
	return "begin the retention of the objects of organization " + s.Org.String() + " anew"
}

func (s DeleteBackend) apply(ctx context.Context, r *Reconciler) error {
	return r.cfg.Organizations.DeleteManagedBackend(ctx, s.Org)
}

func (s DeleteSecret) apply(ctx context.Context, r *Reconciler) error {
	return r.cfg.Secrets.DeleteCoordinates(ctx, s.Org)
}

func (s CloseAccessPoint) apply(ctx context.Context, r *Reconciler) error {
	return r.cfg.AccessPoints.PutAccessPointPolicy(ctx, s.Name, s.Policy)
}

func (s DeleteAccessPoint) apply(ctx context.Context, r *Reconciler) error {
	return r.cfg.AccessPoints.DeleteAccessPoint(ctx, s.Name)
}

func (s DeleteSessionPolicy) apply(ctx context.Context, r *Reconciler) error {
	return r.cfg.Policies.DeletePolicy(ctx, s.ARN)
}

func (s RetainObjects) apply(ctx context.Context, r *Reconciler) error {
	retention := DefaultRetention
	if r.cfg.Retention != nil {
		retention = *r.cfg.Retention
	}
	return r.cfg.Organizations.RetainObjects(ctx, s.Org, retention)
}

func (s RenewRetention) apply(ctx context.Context, r *Reconciler) error {
	return r.cfg.Organizations.RenewRetention(ctx, s.Org)
}
