package iamapi

import (
	"context"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/directory"
)

func (s *Service) updateRole(ctx context.Context, c *call) (any, error) {
	seconds := c.Int("MaxSessionDuration", minMaxSession, maxMaxSession, 0)
	description := c.description()
	_, err := s.changeRole(ctx, c, func(r *directory.Role) {
		if seconds > 0 {
			r.MaxSessionDuration = time.Duration(seconds) * time.Second
		}
		if c.Has("Description") {
			r.Description = description
		}
	})
	return struct{}{}, err
}

func (s *Service) updateRoleDescription(ctx context.Context, c *call) (any, error) {
	description := c.description()
	r, err := s.changeRole(ctx, c, func(r *directory.Role) { r.Description = description })
	if err != nil {
		return nil, err
	}
	view, err := s.describeRole(r)
	return roleResult{view}, err
}

func (s *Service) updateTrust(ctx context.Context, c *call) (any, error) {
	name, text := role().name(c), c.document("PolicyDocument")
	if err := c.Err(); err != nil {
		return nil, err
	}
	if _, err := s.authorizePrincipal(ctx, c, role(), name); err != nil {
		return nil, err
	}
	trust, err := s.bindTrust(text)
	if err != nil {
		return nil, err
	}
	_, err = s.storeRole(name, func(r *directory.Role) { r.Trust = trust })
	return nil, err
}

// changeRole authorizes an operation on the role that RoleName names and changes it.
func (s *Service) changeRole(ctx context.Context, c *call, change func(*directory.Role)) (directory.Role, error) {
	name := role().name(c)
	if err := c.Err(); err != nil {
		return directory.Role{}, err
	}
	if _, err := s.authorizePrincipal(ctx, c, role(), name); err != nil {
		return directory.Role{}, err
	}
	return s.storeRole(name, change)
}

func (s *Service) storeRole(name string, change func(*directory.Role)) (r directory.Role, err error) {
	err = s.dir.Update(func(tx directory.Tx) (err error) {
		if r, err = directory.Roles.Get(tx, name); err != nil {
			return found(err, role().notFound(name))
		}
		change(&r)
		return directory.Roles.Put(tx, r.Name, r)
	})
	return r, err
}
