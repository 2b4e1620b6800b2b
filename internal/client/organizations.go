package client

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/managedcas/managedcas/internal/problem"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// roleAdministrator is what an administrator of the installation is in an organization that
// they are no member of.
const roleAdministrator = "administrator"

// Organizations lists the organizations that the token can act in, in the order of their
// names, and how their storage is: all of them for who administers the installation.
func (c *Client) Organizations(ctx context.Context) ([]Organization, error) {
	who, err := c.current(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := controlplanev1.NewUserServiceClient(c.controlPlane).ListMemberships(c.call(ctx),
		&controlplanev1.UserServiceListMembershipsRequest{})
	if err != nil {
		return nil, failed(err)
	}
	held := make([]Organization, 0, len(answer.GetResult()))
	for _, m := range answer.GetResult() {
		o := organization(m.GetOrg())
		o.Role = roles[m.GetRole()]
		held = append(held, o)
	}
	if who.Instance {
		return c.everyOrganization(ctx, held)
	}
	return held, c.describeEach(ctx, held)
}

// everyOrganization lists all organizations, in their roles where they are held.
func (c *Client) everyOrganization(ctx context.Context, held []Organization) ([]Organization, error) {
	role := map[string]string{}
	for _, o := range held {
		role[o.ID] = o.Role
	}
	service := managedcasv1.NewOrganizationAdminServiceClient(c.controlPlane)
	all := []Organization{}
	for cursor := ""; ; {
		page, err := service.List(c.call(ctx), &managedcasv1.OrganizationAdminServiceListRequest{Cursor: cursor})
		if err = failed(err); err != nil && problem.KindOf(err) == problem.Unimplemented { // it tells no states
			return held, nil
		}
		if err != nil {
			return nil, err
		}
		for _, item := range page.GetOrganizations() {
			o := Organization{ID: item.GetId(), Name: item.GetName(), Role: role[item.GetId()], State: states[item.GetState()], CreatedAt: item.GetCreatedAt().AsTime()}
			if o.Role == "" {
				o.Role = roleAdministrator
			}
			all = append(all, o)
		}
		if cursor = page.GetNextCursor(); cursor == "" {
			return all, nil
		}
	}
}

// describedAtOnce is how many organizations are asked about at a time.
const describedAtOnce = 8

// describeEach asks how the storage of each organization is. What a server does not tell
// stays empty: one that is deleted meanwhile, or that it does not know the question for.
func (c *Client) describeEach(ctx context.Context, organizations []Organization) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(describedAtOnce)
	for i := range organizations {
		group.Go(func() error {
			state, err := c.OrganizationState(ctx, organizations[i].ID)
			organizations[i].State = state.State
			return untold(err)
		})
	}
	return group.Wait()
}

// untold forgives a server that does not know the question, or does not answer this token.
func untold(err error) error {
	switch problem.KindOf(err) {
	case problem.Denied, problem.NotFound, problem.Unimplemented:
		return nil
	}
	return err
}
