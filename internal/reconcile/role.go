package reconcile

import (
	"context"
	"errors"
	"fmt"

	"github.com/managedcas/managedcas/internal/cloud"
)

// role returns the base role as it was last read. It is read the first time, and when the
// last cycle, perhaps another process's, found another one: a policy that names the id of
// a role that is no more must not be taken for right, nor be written.
func (r *Reconciler) role(ctx context.Context) (cloud.Role, error) {
	known := r.baseRole.Load()
	if known != nil && r.cfg.Memory != nil {
		last, err := r.cfg.Memory.Cycle(ctx)
		if err != nil {
			return cloud.Role{}, err
		}
		if last.BaseRoleID != "" && last.BaseRoleID != known.ID {
			known = nil
		}
	}
	if known != nil {
		return *known, nil
	}
	return r.readRole(ctx)
}

// readRole reads the base role anew. A role that was deleted and created again has
// another unique id: every access point policy then differs from what is desired,
// and is rewritten by the pass that found out.
func (r *Reconciler) readRole(ctx context.Context) (cloud.Role, error) {
	in := r.cfg.Installation
	role, err := r.cfg.Roles.Role(ctx, in.BaseRoleName)
	switch {
	case errors.Is(err, cloud.ErrNotFound):
		return cloud.Role{}, fmt.Errorf("%w; create it with: managedcasd provision", err)
	case err != nil:
		return cloud.Role{}, fmt.Errorf("reading the base role: %w", err)
	case role.ARN != in.BaseRoleARN():
		return cloud.Role{}, fmt.Errorf("the base role is %s, and %s is configured; correct baseRoleName or accountId", role.ARN, in.BaseRoleARN())
	}
	if before := r.baseRole.Swap(&role); before != nil && before.ID != role.ID {
		r.cfg.Log.WarnContext(ctx, "the base role was recreated; every access point policy names its old id and is rewritten",
			"role", role.ARN, "oldId", before.ID, "newId", role.ID)
	}
	return role, nil
}
