package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
)

// ending is a role at its end: what tells that it is the installation's.
type ending struct {
	name, description string
	named             string // ARN that its permissions name
	trust             func(*iam.Document) bool
	// anybodys: others may put something into its trust policy, as into that of a workload.
	anybodys bool
}

// found is such a role as it is.
type found struct {
	ending
	ours   bool // the permissions are, or all of it is
	hasOur bool // policy inlinePolicy
	others []string
}

// roles plans the end of the roles. A base role that is not this installation's means that
// the others may be another's as well, for their policies do not name a bucket.
func (r *removed) roles(ctx context.Context) error {
	base, err := r.findBase(ctx)
	if err != nil {
		return err
	}
	if base != nil && !base.ours {
		if r.hasBucket {
			r.plan.refuse("base role %s has no policy %s that names bucket %s: it is not known to be this installation's. Is this the right configuration file? If so, run managedcasd provision first", base.name, inlinePolicy, r.in.BucketName)
			return nil
		}
		r.plan.leave("role %s, which has no policy %s that names bucket %s, and the workload roles, which may be those of the same installation", base.name, inlinePolicy, r.in.BucketName)
		return nil
	}
	r.end(base)
	endings := []ending{}
	if r.in.Purges() {
		endings = append(endings, ending{
			name: r.in.PurgeRoleName, description: purgeDescription, named: r.in.BucketARN(),
			trust: func(d *iam.Document) bool { return iam.Equal(d, r.in.PurgeRoleTrust()) },
		})
	}
	for _, w := range slices.Backward(workloadsOf(r.in)) {
		endings = append(endings, ending{
			name: w.role, description: w.description, named: r.in.BaseRoleARN(),
			trust: func(d *iam.Document) bool { return ours(r.in, d) }, anybodys: true,
		})
	}
	for _, e := range endings {
		role, err := r.find(ctx, e)
		if err != nil {
			return err
		}
		r.end(role)
	}
	return nil
}

func (r *removed) findBase(ctx context.Context) (*found, error) {
	return r.find(ctx, ending{
		name: r.in.BaseRoleName, description: baseDescription, named: r.in.BucketARN(),
		trust: func(d *iam.Document) bool { return iam.Equal(d, r.in.BaseRoleTrust()) },
	})
}

// find reads a role; nil if there is none. It is ours if its policy says so, or if it lost
// that in a removal that was not finished: then nothing in it is anybody else's.
func (r *removed) find(ctx context.Context, e ending) (*found, error) {
	role, err := r.Roles.Role(ctx, e.name)
	if errors.Is(err, cloud.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	attached, err := r.Roles.RolePolicies(ctx, e.name)
	if err != nil {
		return nil, err
	}
	f := &found{ending: e}
	for _, name := range attached.Inline {
		if name == inlinePolicy {
			f.hasOur = true
		} else {
			f.others = append(f.others, "inline policy "+name)
		}
	}
	for _, arn := range attached.Attached {
		f.others = append(f.others, "attached policy "+arn)
	}
	trust, err := iam.Parse(iam.KindTrust, role.Trust)
	trusted := err == nil && e.trust(trust)
	switch {
	case f.hasOur:
		policy, err := r.Roles.RolePolicy(ctx, e.name, inlinePolicy)
		if err != nil {
			return nil, err
		}
		f.ours = mentions(iam.KindIdentity, policy, e.named)
	default:
		f.ours = len(f.others) == 0 && trusted && role.Description == e.description
	}
	if !trusted && e.anybodys {
		f.others = append(f.others, "a trust policy that is not provision's")
	}
	return f, nil
}

// end plans the end of a role: of all of it, or of our permissions where others have
// something in it.
func (r *removed) end(role *found) {
	if role == nil {
		return
	}
	if !role.ours {
		r.plan.leave("role %s, which has no policy %s that names %s: it is not known to be this installation's", role.name, inlinePolicy, role.named)
		return
	}
	if role.hasOur {
		r.plan.add("take the permissions of role "+role.name+" away", func(ctx context.Context) error {
			return r.Roles.DeleteRolePolicy(ctx, role.name, inlinePolicy)
		})
	}
	if len(role.others) > 0 {
		r.plan.leave("role %s, without our permissions, for it has %s; when nobody needs it: aws iam delete-role --role-name %[1]s", role.name, strings.Join(role.others, ", "))
		return
	}
	r.plan.add("delete role "+role.name, func(ctx context.Context) error {
		err := r.Roles.DeleteRole(ctx, role.name)
		if errors.Is(err, cloud.ErrConflict) {
			return fmt.Errorf("%w; something still holds the role, such as an instance profile: remove it, and plan again", err)
		}
		return err
	})
}
