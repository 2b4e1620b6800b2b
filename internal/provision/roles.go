package provision

import (
	"context"
	"errors"
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
	permissions func(tenancy.Installation) *iam.Document
}

func (p *Provisioner) workloads() []workload {
	all := []workload{
		{p.in.BackendRoleName, "managedcas backend workload", tenancy.Installation.BackendPermissions},
		{p.in.ControlplaneRoleName, "managedcas controlplane workload", tenancy.Installation.ControlplanePermissions},
		{p.in.CASRoleName, "managedcas cas workload", tenancy.Installation.CASPermissions},
	}
	// The guide lets controlplane and cas share a role.
	if p.in.CASRoleName == p.in.ControlplaneRoleName {
		all = all[:2]
	}
	return all
}

// workloadRoles plans the workload identities, for EKS Pod Identity. The trust of a
// role that exists stays as it is: IRSA serves as well.
func (p *Provisioner) workloadRoles(ctx context.Context) ([]Step, error) {
	var plan []Step
	for _, w := range p.workloads() {
		_, err := p.cfg.Roles.Role(ctx, w.role)
		switch {
		case errors.Is(err, cloud.ErrNotFound):
			plan = append(plan, Step{"create role " + w.role + ", for EKS Pod Identity", func(ctx context.Context) error {
				return p.createRole(ctx, w.role, w.description, p.in.WorkloadTrustPodIdentity())
			}})
		case err != nil:
			return nil, err
		}
	}
	return plan, nil
}

// baseRole plans the role that workloads assume per organization.
func (p *Provisioner) baseRole(ctx context.Context) ([]Step, error) {
	return p.assumedRole(ctx, "base role "+p.in.BaseRoleName, p.in.BaseRoleName, "managedcas tenant role: assumed per organization", p.in.BaseRoleTrust())
}

// purgeRole plans the role that deletes objects, if the installation has one.
func (p *Provisioner) purgeRole(ctx context.Context) ([]Step, error) {
	if !p.in.Purges() {
		return nil, nil
	}
	return p.assumedRole(ctx, "purge role "+p.in.PurgeRoleName, p.in.PurgeRoleName, "managedcas purge role: assumed per deleted organization", p.in.PurgeRoleTrust())
}

// assumedRole plans a role whose trust is ours alone.
func (p *Provisioner) assumedRole(ctx context.Context, what, name, description string, trust *iam.Document) ([]Step, error) {
	role, err := p.cfg.Roles.Role(ctx, name)
	switch {
	case errors.Is(err, cloud.ErrNotFound):
		return []Step{{"create " + what, func(ctx context.Context) error {
			return p.createRole(ctx, name, description, trust)
		}}}, nil
	case err != nil:
		return nil, err
	}
	var plan []Step
	if differs(iam.KindTrust, role.Trust, trust) {
		plan = append(plan, Step{"replace the trust policy of " + what, func(ctx context.Context) error {
			return p.cfg.Roles.PutRoleTrust(ctx, name, trust)
		}})
	}
	if role.MaxSession != maxSession {
		plan = append(plan, Step{"limit sessions of " + what + " to an hour", func(ctx context.Context) error {
			return p.cfg.Roles.PutRoleMaxSession(ctx, name, maxSession)
		}})
	}
	return plan, nil
}

// createRole is content with a role that exists: a try whose answer was lost made it.
func (p *Provisioner) createRole(ctx context.Context, name, description string, trust *iam.Document) error {
	_, err := p.cfg.Roles.CreateRole(ctx, name, description, trust, maxSession)
	return existsIsFine(err)
}

// permissions plans what every role may do.
func (p *Provisioner) permissions(ctx context.Context) ([]Step, error) {
	assumed := []workload{{role: p.in.BaseRoleName, permissions: tenancy.Installation.BaseRolePermissions}}
	if p.in.Purges() {
		assumed = append(assumed, workload{role: p.in.PurgeRoleName, permissions: tenancy.Installation.PurgeRolePermissions})
	}
	var plan []Step
	for _, w := range slices.Concat(assumed, p.workloads()) {
		have, err := p.cfg.Roles.RolePolicy(ctx, w.role, inlinePolicy)
		if err != nil && !errors.Is(err, cloud.ErrNotFound) {
			return nil, err
		}
		if err == nil && !differs(iam.KindIdentity, have, w.permissions(p.documents())) {
			continue
		}
		plan = append(plan, Step{"put the permissions of role " + w.role, func(ctx context.Context) error {
			return p.cfg.Roles.PutRolePolicy(ctx, w.role, inlinePolicy, w.permissions(p.in))
		}})
	}
	return plan, nil
}

func existsIsFine(err error) error {
	if errors.Is(err, cloud.ErrExists) {
		return nil
	}
	return err
}
