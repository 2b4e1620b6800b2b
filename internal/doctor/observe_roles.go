package doctor

import (
	"context"
	"errors"
	"fmt"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// Roles reads IAM's roles and what they may do.
type Roles interface {
	Role(ctx context.Context, name string) (cloud.Role, error)
	// RolePolicyNames lists the inline policies of a role, which RolePolicy reads.
	RolePolicyNames(ctx context.Context, role string) ([]string, error)
	RolePolicy(ctx context.Context, role, name string) ([]byte, error)
	// AttachedPolicies lists the managed policies of a role by ARN, which Policy reads.
	AttachedPolicies(ctx context.Context, role string) ([]string, error)
	Policy(ctx context.Context, arn string) (cloud.Policy, []byte, error)
}

// Workload is a process that acts in AWS with a role of its own.
type Workload string

// The workloads.
const (
	Backend      Workload = "backend"
	Controlplane Workload = "controlplane"
	CAS          Workload = "cas"
)

// rolesSeen is what was seen of the installation's roles.
type rolesSeen struct {
	BaseRole  roleSeen
	Workloads []workloadSeen
	PurgeRole roleSeen // of an installation that purges
}

// roleSeen is a role with everything that says what it may do.
type roleSeen struct {
	Role     Seen[cloud.Role]
	Inline   Seen[[]policySeen]
	Attached Seen[[]policySeen]
	Boundary Seen[[]policySeen] // none or one
}

// policySeen is a policy of a role: an inline one by its name, a managed one by its ARN.
type policySeen struct {
	Name string
	Text Seen[[]byte]
}

// workloadSeen is the role of a workload, or of two that share it.
type workloadSeen struct {
	Workload Workload // whose permissions the role has; cas where it shares the controlplane's
	Who      string   // "backend", "controlplane and cas"
	Name     string   // of the role
	ARN      string
	roleSeen
}

func (d *Doctor) observeRoles(ctx context.Context) rolesSeen {
	o := rolesSeen{BaseRole: d.observeRole(ctx, d.cfg.Installation.BaseRoleName)}
	for _, w := range workloads(d.cfg.Installation) {
		w.roleSeen = d.observeRole(ctx, w.Name)
		o.Workloads = append(o.Workloads, w)
	}
	if in := d.cfg.Installation; in.Purges() {
		o.PurgeRole = d.observeRole(ctx, in.PurgeRoleName)
	}
	return o
}

// workloads are those of an installation, before anything of them is seen.
func workloads(in tenancy.Installation) []workloadSeen {
	all := []workloadSeen{{Workload: Backend, Who: "backend", Name: in.BackendRoleName, ARN: in.BackendRoleARN()}}
	// The guide lets controlplane and cas share a role.
	if in.CASRoleName == in.ControlplaneRoleName {
		return append(all, workloadSeen{Workload: CAS, Who: "controlplane and cas", Name: in.CASRoleName, ARN: in.CASRoleARN()})
	}
	return append(all,
		workloadSeen{Workload: Controlplane, Who: "controlplane", Name: in.ControlplaneRoleName, ARN: in.ControlplaneRoleARN()},
		workloadSeen{Workload: CAS, Who: "cas", Name: in.CASRoleName, ARN: in.CASRoleARN()})
}

func (d *Doctor) observeRole(ctx context.Context, name string) roleSeen {
	roles := d.cfg.Roles
	r := roleSeen{Role: seen(roles.Role(ctx, name))}
	if errors.Is(r.Role.Err, cloud.ErrNotFound) {
		return r
	}
	if boundary := r.Role.Value.Boundary; boundary != "" {
		r.Boundary.Value = []policySeen{d.managed(ctx, boundary)}
	}
	r.Boundary.Err = r.Role.Err
	names, err := roles.RolePolicyNames(ctx, name)
	r.Inline.Err = err
	for _, policy := range names {
		r.Inline.Value = append(r.Inline.Value, policySeen{policy, seen(roles.RolePolicy(ctx, name, policy))})
	}
	arns, err := roles.AttachedPolicies(ctx, name)
	r.Attached.Err = err
	for _, arn := range arns {
		r.Attached.Value = append(r.Attached.Value, d.managed(ctx, arn))
	}
	return r
}

func (d *Doctor) managed(ctx context.Context, arn string) policySeen {
	_, text, err := d.cfg.Roles.Policy(ctx, arn)
	return policySeen{arn, seen(text, err)}
}

// missing reports whether there is no such role.
func (r roleSeen) missing() bool { return errors.Is(r.Role.Err, cloud.ErrNotFound) }

// trust is the trust policy of the role.
func (r roleSeen) trust() (*iam.Document, error) {
	if r.Role.Err != nil {
		return nil, r.Role.Err
	}
	return iam.Parse(iam.KindTrust, r.Role.Value.Trust)
}

// identity are the policies that say what the role may do. The error names those whose
// documents are not known: what the role may not do by the others, it may do by them.
func (r roleSeen) identity() ([]iam.Policy, error) {
	inline, err := documents(r.Inline)
	attached, err2 := documents(r.Attached)
	return append(inline, attached...), errors.Join(err, err2)
}

// boundary is the permissions boundary of the role: none or one.
func (r roleSeen) boundary() ([]iam.Policy, error) { return documents(r.Boundary) }

func documents(all Seen[[]policySeen]) ([]iam.Policy, error) {
	var known []iam.Policy
	errs := []error{all.Err}
	for _, p := range all.Value {
		if p.Text.Err != nil {
			errs = append(errs, fmt.Errorf("policy %s: %w", p.Name, p.Text.Err))
			continue
		}
		doc, err := iam.Parse(iam.KindIdentity, p.Text.Value)
		if err != nil {
			errs = append(errs, fmt.Errorf("policy %s: %w", p.Name, err))
			continue
		}
		known = append(known, iam.Policy{Name: p.Name, Document: doc})
	}
	return known, errors.Join(errs...)
}
