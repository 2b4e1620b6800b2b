package reconcile

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// look observes everything that an organization has, and returns the steps that are
// missing and what of it a listing would show as well.
func (r *Reconciler) look(ctx context.Context, o org.Organization, observe func(context.Context, Desired) (Observed, error)) ([]Step, registry.Seen, error) {
	role, err := r.role(ctx)
	if err != nil {
		return nil, registry.Seen{}, err
	}
	desired := Desire(r.cfg.Installation, o, role.ID)
	observed, err := observe(ctx, desired)
	if err != nil {
		return nil, registry.Seen{}, err
	}
	plan, err := Difference(desired, observed)
	return plan, observed.listed(scheme(r.cfg.Installation, role.ID)), err
}

// glance reads what no listing shows, and reports whether it is right. The session policy
// is taken to be: its version is the one that was read when it was.
func (r *Reconciler) glance(ctx context.Context, o org.Organization) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, itemTimeout)
	defer cancel()
	role, err := r.role(ctx)
	if err != nil {
		return false, err
	}
	desired := Desire(r.cfg.Installation, o, role.ID)
	var observed Observed
	if err := r.observeRest(ctx, desired, &observed); err != nil {
		return false, err
	}
	if desired.SessionPolicy != nil {
		if observed.SessionPolicy, err = json.Marshal(desired.SessionPolicy); err != nil {
			return false, err
		}
	}
	plan, err := Difference(desired, observed)
	return len(plan) == 0, err
}

// remember keeps what was seen of an organization that has everything.
func (r *Reconciler) remember(ctx context.Context, o org.Organization, seen registry.Seen) error {
	if r.cfg.Memory == nil || gone(o) {
		return nil
	}
	return r.cfg.Memory.Remember(ctx, o.ID, seen)
}

// looks counts up when a deep look reads or compares something else than before, so that
// a new version of the program looks at everybody once.
const looks = 1

// scheme stands for what is wanted of organizations: it is another one when the documents
// of any of them would be.
func scheme(in tenancy.Installation, baseRoleID string) string {
	d := Desire(in, org.Organization{ID: anybody}, baseRoleID)
	sum := sha256.New()
	fmt.Fprintln(sum, looks, d.Bucket, d.Tenant.APARN(), d.Tenant.SessionPolicyARN(), d.Coordinates)
	if d.SessionPolicy != nil {
		sum.Write(d.SessionPolicy.Canonical())
	}
	sum.Write(d.AccessPointPolicy.Canonical())
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

// anybody is an organization: what is wanted of one follows from its id as that of all
// others does (DESIGN I7).
var anybody = func() org.ID {
	id, err := org.ParseID("00000000-0000-4000-8000-000000000001")
	if err != nil {
		panic(err)
	}
	return id
}()
