package iamapi

import (
	"context"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/awsquery"
	"github.com/managedcas/managedcas/internal/emulator/directory"
)

type userResult struct{ User userXML }

func (s *Service) createUser(ctx context.Context, c *call) (any, error) {
	u := directory.User{Principal: directory.Principal{
		Name:     c.Text("UserName", awsquery.Name(1, 64)),
		Path:     c.path(false),
		Boundary: c.optionalARN("PermissionsBoundary"),
	}}
	tags := c.Tags("Tags")
	if err := c.Err(); err != nil {
		return nil, err
	}
	u.ARN = s.dir.ARN(directory.KindUser, u.Path, u.Name)
	if err := s.authorizeActions(ctx, c, u.ARN, createActions("CreateUser", "TagUser", tags),
		requestTags(tags), about("iam:PermissionsBoundary", u.Boundary)); err != nil {
		return nil, err
	}
	var err error
	if u.Tags, err = s.applyTags(nil, tags, true); err != nil {
		return nil, err
	}
	u.ID = directory.NewID(directory.KindUser)
	err = s.dir.Update(func(tx directory.Tx) error {
		_, lookup := directory.Users.Get(tx, u.Name)
		if err := taken(lookup, alreadyExists("User with name %s already exists.", u.Name)); err != nil {
			return err
		}
		n, err := directory.Users.Count(tx)
		if err != nil {
			return err
		}
		if n >= s.quotas.Users {
			return limitExceeded("Cannot exceed quota for UsersPerAccount: %d", s.quotas.Users)
		}
		if err := useBoundary(tx, user(), u.Principal); err != nil {
			return err
		}
		u.Created = tx.Now().UTC().Truncate(time.Second)
		return directory.CreateUser(tx, u)
	})
	if err != nil {
		return nil, err
	}
	return userResult{describeUser(u)}, nil
}

func (s *Service) getUser(ctx context.Context, c *call) (any, error) {
	u, err := s.authorizeUser(ctx, c)
	if err != nil {
		return nil, err
	}
	return userResult{describeUser(u)}, nil
}

type listUsersResult struct {
	Users awsquery.List[userXML]
	pageEnd
}

func (s *Service) listUsers(ctx context.Context, c *call) (any, error) {
	prefix, pg := c.pathPrefix(), readPage(c)
	if err := c.Err(); err != nil {
		return nil, err
	}
	if err := s.authorize(ctx, c, anything); err != nil {
		return nil, err
	}
	list := collector[userXML]{page: pg}
	err := s.dir.View(func(tx directory.Tx) error {
		return directory.Users.Scan(tx, pg.after, func(name string, u directory.User) (bool, error) {
			view := describeUser(u)
			view.Tags, view.PermissionsBoundary = nil, nil
			return !strings.HasPrefix(u.Path, prefix) || list.add(name, view), nil
		})
	})
	return listUsersResult{awsquery.Of(list.items), list.end()}, err
}

func (s *Service) deleteUser(ctx context.Context, c *call) (any, error) {
	u, err := s.authorizeUser(ctx, c)
	if err != nil {
		return nil, err
	}
	return nil, s.dir.Update(func(tx directory.Tx) error {
		current, err := directory.Users.Get(tx, u.Name)
		if err != nil {
			return found(err, user().notFound(u.Name))
		}
		if len(current.AccessKeyIDs) > 0 {
			return deleteConflict("Cannot delete entity, must delete access keys first.")
		}
		if err := releasePrincipal(tx, user(), current.Principal); err != nil {
			return err
		}
		return directory.Users.Delete(tx, u.Name)
	})
}

// authorizeUser reads UserName, by default the calling user's, authorizes the
// operation on the user and returns it.
func (s *Service) authorizeUser(ctx context.Context, c *call) (directory.User, error) {
	name := c.Text("UserName", awsquery.Name(1, 128).Optional())
	if err := c.Err(); err != nil {
		return directory.User{}, err
	}
	if name == "" {
		if c.req.Caller.Kind != api.User {
			return directory.User{}, awsquery.ValidationError("Must specify userName when calling with non-User credentials")
		}
		name = c.req.Caller.UserName
	}
	if _, err := s.authorizePrincipal(ctx, c, user(), name); err != nil {
		return directory.User{}, err
	}
	var u directory.User
	err := s.dir.View(func(tx directory.Tx) (err error) {
		u, err = directory.Users.Get(tx, name)
		return err
	})
	return u, found(err, user().notFound(name))
}
