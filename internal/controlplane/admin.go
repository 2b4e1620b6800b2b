package controlplane

import (
	"context"
	"encoding/base64"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

type admin struct {
	managedcasv1.UnimplementedOrganizationAdminServiceServer
	server *Server
}

// List returns a page of all organizations, in the order of their names.
func (a admin) List(ctx context.Context, req *managedcasv1.OrganizationAdminServiceListRequest) (*managedcasv1.OrganizationAdminServiceListResponse, error) {
	limit, err := pageLimit(req.GetLimit())
	if err != nil {
		return nil, err
	}
	after, err := parseNameCursor(req.GetCursor())
	if err != nil {
		return nil, errCursor(err)
	}
	// One more than asked for says whether there is a next page.
	page, err := a.server.cfg.Store.ListOrganizations(ctx, after, limit+1)
	if err != nil {
		return nil, unavailable(err)
	}
	resp := &managedcasv1.OrganizationAdminServiceListResponse{}
	if len(page) > limit {
		page = page[:limit]
		resp.NextCursor = base64.RawURLEncoding.EncodeToString([]byte(page[limit-1].Name))
	}
	for _, o := range page {
		resp.Organizations = append(resp.Organizations, adminItem(o))
	}
	return resp, nil
}

// parseNameCursor returns the name that a page ended with; empty: there was none.
func parseNameCursor(text string) (org.Name, error) {
	name, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(name) == 0 {
		return "", err
	}
	return org.ParseName(string(name))
}

// Describe shows one organization and how far its storage is. A token of an organization may
// ask about its own, and a user about theirs: the access table has seen to that.
func (a admin) Describe(ctx context.Context, req *managedcasv1.OrganizationAdminServiceDescribeRequest) (*managedcasv1.OrganizationAdminServiceDescribeResponse, error) {
	caller, _ := auth.CallerFrom(ctx)
	o, ok := caller.Organization()
	switch name := req.GetName(); {
	case name == "" && !ok:
		return nil, errNoOrganization()
	case name == "" || ok && (name == string(o.Name) || name == o.ID.String()):
	case caller.Kind() == auth.OrganizationToken, caller.Kind() == auth.PipelineToken:
		return nil, problem.New(problem.Denied, "the token belongs to another organization", "name the token's own organization, or none")
	default:
		var err error
		if o, err = a.server.byNameOrID(ctx, name); err != nil {
			return nil, err
		}
	}
	return a.server.describe(ctx, o)
}

func adminItem(o org.Organization) *managedcasv1.Organization {
	item := &managedcasv1.Organization{
		Id: o.ID.String(), Name: string(o.Name),
		CreatedAt: timestamp(o.CreatedAt), UpdatedAt: timestamp(o.UpdatedAt),
	}
	switch o.State {
	case org.Pending:
		item.State = managedcasv1.Organization_STATE_PENDING
	case org.Ready:
		item.State = managedcasv1.Organization_STATE_READY
	case org.Degraded:
		item.State, item.Reason = managedcasv1.Organization_STATE_DEGRADED, degradedMessage
	case org.Deleting:
		item.State = managedcasv1.Organization_STATE_DELETING
	case org.Deleted:
		item.State = managedcasv1.Organization_STATE_DELETED
	}
	return item
}
