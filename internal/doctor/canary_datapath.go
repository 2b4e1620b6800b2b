package doctor

import (
	"context"
	"errors"
	"fmt"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// asDataPath does what a workload can that makes nothing: it gets a session, which opens
// nothing, and lists what an organization that exists has stored.
func (c *canary) asDataPath(ctx context.Context) {
	c.need(ctx, "session", "an organization gets a session", func(ctx context.Context) (string, error) {
		return c.session(ctx, c.borrowedPolicy())
	})
	c.keptApart(ctx)
	c.neighbour(ctx)
}

// borrowedPolicy stands for the session policy that nobody has made for the canary, and takes
// as much of a session's space. Where organizations have policies of their own it is one that
// every account has: with it a session could read all that the base role can, which is
// nothing but the canary's. In the mode Inline it is the real one.
func (c *canary) borrowedPolicy() tenancy.PassedPolicy {
	if c.in.SessionPolicyMode == tenancy.Inline {
		return c.tenant.PassedPolicy()
	}
	return tenancy.PassedPolicy{ARN: "arn:" + c.in.Partition + ":iam::aws:policy/ReadOnlyAccess"}
}

// neighbour looks into the storage of an organization that is in use, as its data path does.
func (c *canary) neighbour(ctx context.Context) {
	const name, title = "organization", "an organization that exists can be served"
	unseen := func(why string) {
		c.results = append(c.results, Result{Check: "canary/" + name, Title: title, Status: Unseen, Detail: why})
	}
	if c.cfg.Sessions == nil || c.cfg.Neighbours == nil {
		unseen("the database or the secret store cannot be read")
		return
	}
	id, err := c.cfg.Neighbours.Neighbour(ctx, c.tenant.ID())
	switch {
	case errors.Is(err, registry.ErrNotFound):
		unseen("no organization is ready")
		return
	case err != nil:
		unseen(err.Error())
		return
	}
	c.need(ctx, name, title, func(ctx context.Context) (string, error) { return c.visit(ctx, id) })
}

func (c *canary) visit(ctx context.Context, id org.ID) (string, error) {
	s, err := c.cfg.Sessions.For(ctx, id)
	if err != nil {
		return "", err
	}
	key := s.Tenant.ObjectKey(digest.Of(s.Tenant.Canary()))
	_, err = c.cfg.Open(s).List(ctx, s.Tenant.APARN(), key)
	return fmt.Sprintf("organization %s", id), err
}
