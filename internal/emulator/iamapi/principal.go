package iamapi

import (
	"context"

	"github.com/managedcas/managedcas/internal/emulator/awsquery"
	"github.com/managedcas/managedcas/internal/emulator/directory"
	"github.com/managedcas/managedcas/internal/iam"
)

// principalKind is what differs between operations on roles and those on users.
type principalKind struct {
	kind     string // as in ARNs
	param    string // parameter that names one
	label    string // begins "… with name X already exists."
	maxName  int    // characters
	attached func(Quotas) int
	inline   func(Quotas) int
}

func role() principalKind {
	return principalKind{
		kind: directory.KindRole, param: "RoleName", label: "Role", maxName: 64,
		attached: func(q Quotas) int { return q.AttachedPerRole },
		inline:   func(q Quotas) int { return q.InlinePerRole },
	}
}

func user() principalKind {
	return principalKind{
		kind: directory.KindUser, param: "UserName", label: "User", maxName: 128,
		attached: func(q Quotas) int { return q.AttachedPerUser },
		inline:   func(q Quotas) int { return q.InlinePerUser },
	}
}

// name reads the name of the principal that an operation is about.
func (k principalKind) name(c *call) string { return c.Text(k.param, awsquery.Name(1, k.maxName)) }

func (k principalKind) notFound(name string) error {
	return noSuchEntity("The %s with name %s cannot be found.", k.kind, name)
}

func (k principalKind) entity(p directory.Principal) directory.Entity {
	return directory.Entity{Kind: k.kind, Name: p.Name}
}

// get returns the principal with that name, or directory.ErrNotFound.
func (k principalKind) get(tx directory.Tx, name string) (directory.Principal, error) {
	if k.kind == directory.KindRole {
		r, err := directory.Roles.Get(tx, name)
		return r.Principal, err
	}
	u, err := directory.Users.Get(tx, name)
	return u.Principal, err
}

// put stores what changed about an existing principal.
func (k principalKind) put(tx directory.Tx, p directory.Principal) error {
	if k.kind == directory.KindRole {
		r, err := directory.Roles.Get(tx, p.Name)
		if err != nil {
			return err
		}
		r.Principal = p
		return directory.Roles.Put(tx, r.Name, r)
	}
	u, err := directory.Users.Get(tx, p.Name)
	if err != nil {
		return err
	}
	u.Principal = p
	return directory.Users.Put(tx, u.Name, u)
}

// authorizePrincipal authorizes an operation on the principal with that name and
// returns it. Whether it exists is said only to those who may know.
func (s *Service) authorizePrincipal(ctx context.Context, c *call, k principalKind, name string, keys ...iam.Context) (directory.Principal, error) {
	var p directory.Principal
	lookup := s.dir.View(func(tx directory.Tx) (err error) {
		p, err = k.get(tx, name)
		return err
	})
	if err := found(lookup, nil); err != nil {
		return p, err
	}
	resource := p.ARN
	if lookup != nil {
		resource = s.dir.ARN(k.kind, "/", name)
	}
	keys = append(keys, resourceTags(p.Tags))
	if k.changesPolicies(c.req.Operation) {
		keys = append(keys, about("iam:PermissionsBoundary", p.Boundary))
	}
	if err := s.authorize(ctx, c, resource, keys...); err != nil {
		return p, err
	}
	return p, found(lookup, k.notFound(name))
}

// changesPolicies reports whether an operation changes what the principal may do, for
// which AWS lets policies ask for the boundary that it has (in the operation that sets
// the boundary, for the new one):
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
func (k principalKind) changesPolicies(operation string) bool {
	switch operation {
	case "Put" + k.label + "Policy", "Delete" + k.label + "Policy",
		"Attach" + k.label + "Policy", "Detach" + k.label + "Policy",
		"Delete" + k.label + "PermissionsBoundary":
		return true
	}
	return false
}

// change authorizes an operation on a principal, then changes it in a transaction of
// its own: the record may have changed since.
func (s *Service) change(ctx context.Context, c *call, k principalKind, name string, keys iam.Context,
	change func(directory.Tx, *directory.Principal) error,
) error {
	if _, err := s.authorizePrincipal(ctx, c, k, name, keys); err != nil {
		return err
	}
	return s.dir.Update(func(tx directory.Tx) error {
		p, err := k.get(tx, name)
		if err != nil {
			return found(err, k.notFound(name))
		}
		if err := change(tx, &p); err != nil {
			return err
		}
		return k.put(tx, p)
	})
}
