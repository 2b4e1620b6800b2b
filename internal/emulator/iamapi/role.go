package iamapi

import (
	"context"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/awsquery"
	"github.com/managedcas/managedcas/internal/emulator/directory"
)

// The range of a role's MaxSessionDuration in seconds (facts AWS §4.1).
const (
	minMaxSession     = 3600
	maxMaxSession     = 43200
	defaultMaxSession = 3600
)

type roleResult struct{ Role roleXML }

func (s *Service) createRole(ctx context.Context, c *call) (any, error) {
	r := directory.Role{
		Principal: directory.Principal{
			Name:     c.Text("RoleName", awsquery.Name(1, 64)),
			Path:     c.path(false),
			Boundary: c.optionalARN("PermissionsBoundary"),
		},
		Description:        c.description(),
		MaxSessionDuration: time.Duration(c.Int("MaxSessionDuration", minMaxSession, maxMaxSession, defaultMaxSession)) * time.Second,
	}
	trust := c.document("AssumeRolePolicyDocument")
	tags := c.Tags("Tags")
	if err := c.Err(); err != nil {
		return nil, err
	}
	r.ARN = s.dir.ARN(directory.KindRole, r.Path, r.Name)
	if err := s.authorizeActions(ctx, c, r.ARN, createActions("CreateRole", "TagRole", tags),
		requestTags(tags), about("iam:PermissionsBoundary", r.Boundary)); err != nil {
		return nil, err
	}
	var err error
	if r.Tags, err = s.applyTags(nil, tags, true); err != nil {
		return nil, err
	}
	if r.Trust, err = s.bindTrust(trust); err != nil {
		return nil, err
	}
	r.ID = directory.NewID(directory.KindRole)
	err = s.dir.Update(func(tx directory.Tx) error {
		_, lookup := directory.Roles.Get(tx, r.Name)
		if err := taken(lookup, alreadyExists("Role with name %s already exists.", r.Name)); err != nil {
			return err
		}
		n, err := directory.Roles.Count(tx)
		if err != nil {
			return err
		}
		if n >= s.quotas.Roles {
			return limitExceeded("Cannot exceed quota for RolesPerAccount: %d", s.quotas.Roles)
		}
		if err := useBoundary(tx, role(), r.Principal); err != nil {
			return err
		}
		r.Created = tx.Now().UTC().Truncate(time.Second)
		return directory.CreateRole(tx, r)
	})
	if err != nil {
		return nil, err
	}
	view, err := s.describeRole(r)
	return roleResult{view}, err
}

func (s *Service) getRole(ctx context.Context, c *call) (any, error) {
	r, err := s.authorizeRole(ctx, c)
	if err != nil {
		return nil, err
	}
	view, err := s.describeRole(r)
	view.RoleLastUsed = &struct{}{}
	return roleResult{view}, err
}

type listRolesResult struct {
	Roles awsquery.List[roleXML]
	pageEnd
}

func (s *Service) listRoles(ctx context.Context, c *call) (any, error) {
	prefix, pg := c.pathPrefix(), readPage(c)
	if err := c.Err(); err != nil {
		return nil, err
	}
	if err := s.authorize(ctx, c, anything); err != nil {
		return nil, err
	}
	list := collector[directory.Role]{page: pg}
	err := s.dir.View(func(tx directory.Tx) error {
		return directory.Roles.Scan(tx, pg.after, func(name string, r directory.Role) (bool, error) {
			return !strings.HasPrefix(r.Path, prefix) || list.add(name, r), nil
		})
	})
	if err != nil {
		return nil, err
	}
	views := make([]roleXML, len(list.items))
	for i, r := range list.items {
		if views[i], err = s.describeRole(r); err != nil {
			return nil, err
		}
		// The API reference leaves these out of listings.
		views[i].Tags, views[i].PermissionsBoundary = nil, nil
	}
	return listRolesResult{awsquery.Of(views), list.end()}, nil
}

func (s *Service) deleteRole(ctx context.Context, c *call) (any, error) {
	r, err := s.authorizeRole(ctx, c)
	if err != nil {
		return nil, err
	}
	return nil, s.dir.Update(func(tx directory.Tx) error {
		current, err := directory.Roles.Get(tx, r.Name)
		if err != nil {
			return found(err, role().notFound(r.Name))
		}
		if err := releasePrincipal(tx, role(), current.Principal); err != nil {
			return err
		}
		return directory.Roles.Delete(tx, r.Name)
	})
}

// authorizeRole reads RoleName, authorizes the operation on the role and returns it.
func (s *Service) authorizeRole(ctx context.Context, c *call) (directory.Role, error) {
	name := role().name(c)
	if err := c.Err(); err != nil {
		return directory.Role{}, err
	}
	if _, err := s.authorizePrincipal(ctx, c, role(), name); err != nil {
		return directory.Role{}, err
	}
	var r directory.Role
	err := s.dir.View(func(tx directory.Tx) (err error) {
		r, err = directory.Roles.Get(tx, name)
		return err
	})
	return r, found(err, role().notFound(name))
}

// releasePrincipal refuses to delete a principal that still has policies, and gives
// up its permissions boundary.
func releasePrincipal(tx directory.Tx, k principalKind, p directory.Principal) error {
	if len(p.Inline) > 0 {
		return deleteConflict("Cannot delete entity, must delete policies first.")
	}
	if len(p.Attached) > 0 {
		return deleteConflict("Cannot delete entity, must detach all policies first.")
	}
	return dropBoundary(tx, k, p)
}
