package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// maxSession is the longest session of every role: what role chaining allows anyway,
// and the least that IAM can be told (facts AWS §4.1).
const maxSession = time.Hour

// inlinePolicy is the name of the permission policy that provision owns in each role.
const inlinePolicy = "managedcas"

// workload is a workload identity.
type workload struct {
	role        string
	description string
	document    string   // name of its permissions
	shared      []string // workloads that have the role
	permissions func(tenancy.Installation) *iam.Document
}

func workloadsOf(in tenancy.Installation) []workload {
	all := []workload{
		{in.BackendRoleName, "managedcas backend workload", "backend-permissions", []string{"backend"}, tenancy.Installation.BackendPermissions},
		{in.ControlplaneRoleName, "managedcas controlplane workload", "controlplane-permissions", []string{"controlplane"}, tenancy.Installation.ControlplanePermissions},
		{in.CASRoleName, "managedcas cas workload", "cas-permissions", []string{"cas"}, tenancy.Installation.CASPermissions},
	}
	// The guide lets controlplane and cas share a role.
	if in.CASRoleName == in.ControlplaneRoleName {
		all[1].shared = append(all[1].shared, "cas")
		all = all[:2]
	}
	return all
}

// workloadRoles plans the workload identities.
func (p *Provisioner) workloadRoles(ctx context.Context, plan *Plan) error {
	how := "EKS Pod Identity"
	if p.cfg.Identity.Kind == IRSA {
		how = "IRSA"
	}
	for _, w := range workloadsOf(p.in) {
		trust, err := p.cfg.Identity.trust(p.in, w.shared)
		if err != nil {
			return err
		}
		role, err := p.cfg.Roles.Role(ctx, w.role)
		switch {
		case errors.Is(err, cloud.ErrNotFound):
			plan.add("create role "+w.role+", for "+how, func(ctx context.Context) error {
				return p.createRole(ctx, w.role, w.description, trust)
			})
			continue
		case err != nil:
			return err
		}
		plan.adopt("role " + w.role)
		if err := p.workloadTrust(plan, w.role, role.Trust, trust); err != nil {
			return err
		}
	}
	return nil
}

// workloadTrust plans the trust of a role that exists, where the operator says how pods get
// it. It is replaced only if all of it is provision's own; otherwise the plan says what it
// lacks.
func (p *Provisioner) workloadTrust(plan *Plan, role string, have []byte, want *iam.Document) error {
	before, err := iam.Parse(iam.KindTrust, have)
	if p.cfg.Identity.Kind == "" {
		if err != nil || !ours(p.in, before) {
			plan.Notes = append(plan.Notes, "the trust policy of role "+role+" is not provision's, and stays: whoever it lets in has what the role may do. Be sure of that, or give --workload-identity")
		}
		return nil
	}
	if err == nil && ours(p.in, before) {
		return p.replace(plan, "replace the trust policy of role "+role, policy{
			name: map[string]string{PodIdentity: "workload-trust-pod-identity", IRSA: "workload-trust-irsa"}[p.cfg.Identity.Kind], kind: iam.KindTrust, where: "the trust policy of role " + role,
			want: func(tenancy.Installation) *iam.Document { return want },
			put:  func(ctx context.Context, d *iam.Document) error { return p.cfg.Roles.PutRoleTrust(ctx, role, d) },
		}, have)
	}
	if err != nil {
		before = &iam.Document{}
	}
	for _, lacking := range missing(want, before) {
		plan.Notes = append(plan.Notes, fmt.Sprintf("the trust policy of role %s stays, for not all of it is provision's; it lacks %s", role, lacking))
	}
	return nil
}

// baseRole plans the role that workloads assume per organization.
func (p *Provisioner) baseRole(ctx context.Context, plan *Plan) error {
	return p.assumedRole(ctx, plan, "base role "+p.in.BaseRoleName, p.in.BaseRoleName, baseDescription, "base-role-trust", tenancy.Installation.BaseRoleTrust)
}

// purgeRole plans the role that deletes objects, if the installation has one.
func (p *Provisioner) purgeRole(ctx context.Context, plan *Plan) error {
	if !p.in.Purges() {
		return nil
	}
	return p.assumedRole(ctx, plan, "purge role "+p.in.PurgeRoleName, p.in.PurgeRoleName, purgeDescription, "purge-role-trust", tenancy.Installation.PurgeRoleTrust)
}

const (
	baseDescription  = "managedcas tenant role: assumed per organization"
	purgeDescription = "managedcas purge role: assumed per deleted organization"
)

// assumedRole plans a role whose trust is ours alone.
func (p *Provisioner) assumedRole(ctx context.Context, plan *Plan, what, name, description, document string, trust func(tenancy.Installation) *iam.Document) error {
	role, err := p.cfg.Roles.Role(ctx, name)
	switch {
	case errors.Is(err, cloud.ErrNotFound):
		plan.add("create "+what, func(ctx context.Context) error {
			return p.createRole(ctx, name, description, trust(p.in))
		})
		return nil
	case err != nil:
		return err
	}
	plan.adopt(what)
	if err := p.replace(plan, "replace the trust policy of "+what, policy{
		name: document, kind: iam.KindTrust, where: "the trust policy of " + what, want: trust,
		put: func(ctx context.Context, d *iam.Document) error { return p.cfg.Roles.PutRoleTrust(ctx, name, d) },
	}, role.Trust); err != nil {
		return err
	}
	if role.MaxSession != maxSession {
		plan.add("limit sessions of "+what+" to an hour", func(ctx context.Context) error {
			return p.cfg.Roles.PutRoleMaxSession(ctx, name, maxSession)
		})
	}
	return nil
}

// createRole is content with a role that exists if it trusts whom this one would: a try whose
// answer was lost made it, or another provision. One that somebody else has made since the
// plan is not given permissions that nobody has seen it get.
func (p *Provisioner) createRole(ctx context.Context, name, description string, trust *iam.Document) error {
	_, err := p.cfg.Roles.CreateRole(ctx, name, description, trust, maxSession)
	if !errors.Is(err, cloud.ErrExists) {
		return err
	}
	role, err := p.cfg.Roles.Role(ctx, name)
	if err != nil {
		return err
	}
	if have, err := iam.Parse(iam.KindTrust, role.Trust); err != nil || !iam.Equal(have, trust) {
		return fmt.Errorf("somebody else has made the role since the plan, and it trusts others than it would: %s; see whose it is, and plan again", role.Trust)
	}
	return nil
}

// permissions plans what every role may do.
func (p *Provisioner) permissions(ctx context.Context, plan *Plan) error {
	assumed := []workload{{role: p.in.BaseRoleName, document: "base-role-permissions", permissions: tenancy.Installation.BaseRolePermissions}}
	if p.in.Purges() {
		assumed = append(assumed, workload{role: p.in.PurgeRoleName, document: "purge-role-permissions", permissions: tenancy.Installation.PurgeRolePermissions})
	}
	for _, w := range slices.Concat(assumed, workloadsOf(p.in)) {
		have, err := p.cfg.Roles.RolePolicy(ctx, w.role, inlinePolicy)
		if err != nil && !errors.Is(err, cloud.ErrNotFound) {
			return err
		}
		if err := p.replace(plan, "put the permissions of role "+w.role, policy{
			name: w.document, kind: iam.KindIdentity, where: "the policy " + inlinePolicy + " of role " + w.role, want: w.permissions,
			put: func(ctx context.Context, d *iam.Document) error {
				return p.cfg.Roles.PutRolePolicy(ctx, w.role, inlinePolicy, d)
			},
		}, have); err != nil {
			return err
		}
	}
	return nil
}

func existsIsFine(err error) error {
	if errors.Is(err, cloud.ErrExists) {
		return nil
	}
	return err
}
