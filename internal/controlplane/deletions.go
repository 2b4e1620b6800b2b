package controlplane

import (
	"context"
	"errors"
	"strings"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// Deletions is what the database knows of organizations that are deleted.
type Deletions interface {
	// DeletedOrganizations returns up to limit of those that are deleted or being deleted,
	// in the order of their ids, from the first after the given one; with a name, of those
	// that had it.
	DeletedOrganizations(ctx context.Context, name org.Name, after org.ID, limit int) ([]registry.DeletedOrganization, error)
	// UndeleteOrganization brings one back under the name, if there is one, or that it had.
	// It fails with registry.ErrNotFound, ErrNotDeleted, ErrPurging or ErrExists.
	UndeleteOrganization(ctx context.Context, id org.ID, name org.Name) (org.Organization, error)
}

// ListDeleted returns a page of the deleted organizations, in the order of their ids.
func (a admin) ListDeleted(ctx context.Context, req *managedcasv1.OrganizationAdminServiceListDeletedRequest) (*managedcasv1.OrganizationAdminServiceListDeletedResponse, error) {
	limit, err := pageLimit(req.GetLimit())
	if err != nil {
		return nil, err
	}
	var after org.ID
	if cursor := req.GetCursor(); cursor != "" {
		if after, err = org.ParseID(cursor); err != nil {
			return nil, errCursor(err)
		}
	}
	page, err := a.server.cfg.Store.DeletedOrganizations(ctx, "", after, limit+1)
	if err != nil {
		return nil, unavailable(err)
	}
	resp := &managedcasv1.OrganizationAdminServiceListDeletedResponse{}
	if len(page) > limit {
		page = page[:limit]
		resp.NextCursor = page[limit-1].ID.String()
	}
	for _, o := range page {
		resp.Organizations = append(resp.Organizations, deletedItem(o))
	}
	return resp, nil
}

func deletedItem(o registry.DeletedOrganization) *managedcasv1.DeletedOrganization {
	d := o.Deletion
	item := &managedcasv1.DeletedOrganization{
		Id: o.ID.String(), Name: string(o.Name), Objects: d.Objects, Bytes: d.Bytes,
		DeletedAt: timestamp(d.DeletedAt), PurgeAt: timestamp(d.PurgeAt), PurgedAt: timestamp(d.PurgedAt),
	}
	switch {
	case o.State == org.Deleting:
		item.Stage = managedcasv1.DeletedOrganization_STAGE_DELETING
	case d.BegunAt.IsZero():
		item.Stage = managedcasv1.DeletedOrganization_STAGE_RETAINED
	case d.PurgedAt.IsZero():
		item.Stage = managedcasv1.DeletedOrganization_STAGE_PURGING
	default:
		item.Stage = managedcasv1.DeletedOrganization_STAGE_PURGED
	}
	return item
}

// Undelete brings a deleted organization back. What it had in AWS is made anew by the
// reconciler, and its API tokens are good again.
func (a admin) Undelete(ctx context.Context, req *managedcasv1.OrganizationAdminServiceUndeleteRequest) (*managedcasv1.OrganizationAdminServiceUndeleteResponse, error) {
	var name org.Name
	if req.GetName() != "" {
		var err error
		if name, err = parseNewName(req.GetName()); err != nil {
			return nil, err
		}
	}
	id, err := a.deleted(ctx, req.GetOrganization())
	if err != nil {
		return nil, err
	}
	o, err := a.server.cfg.Store.UndeleteOrganization(ctx, id, name)
	switch {
	case errors.Is(err, registry.ErrExists):
		return nil, problem.Wrap(err, problem.Exists, "another organization has the name now", "give this one another name with --name")
	case errors.Is(err, registry.ErrNotDeleted):
		return nil, problem.Wrap(err, problem.Precondition, "the organization is not deleted", "see the deleted ones with organization list --deleted")
	case errors.Is(err, registry.ErrPurging):
		return nil, errPurging(err)
	case err != nil:
		return nil, unavailable(err)
	}
	return &managedcasv1.OrganizationAdminServiceUndeleteResponse{Id: o.ID.String(), Name: string(o.Name)}, nil
}

func errPurging(cause error) error {
	return problem.Wrap(cause, problem.Precondition, "the purge of its artifacts has begun: it cannot be brought back", "create a new organization")
}

// maxNamesakes bounds how many deleted organizations of one name are looked at.
const maxNamesakes = 100

// deleted finds the organization that is meant: by its id, or by a name that only one of
// those that can be brought back had.
func (a admin) deleted(ctx context.Context, which string) (org.ID, error) {
	if id, err := org.ParseID(which); err == nil {
		return id, nil
	}
	name, err := parseName(which)
	if err != nil {
		return org.ID{}, err
	}
	namesakes, err := a.server.cfg.Store.DeletedOrganizations(ctx, name, org.ID{}, maxNamesakes)
	if err != nil {
		return org.ID{}, unavailable(err)
	}
	var kept []string
	var found org.ID
	for _, o := range namesakes {
		if o.Deletion.BegunAt.IsZero() {
			kept, found = append(kept, o.ID.String()), o.ID
		}
	}
	switch {
	case len(kept) == 1:
		return found, nil
	case len(kept) > 1:
		return org.ID{}, problem.New(problem.Invalid, "several deleted organizations had the name", "give the id of one: "+strings.Join(kept, ", "))
	case len(namesakes) > 0:
		return org.ID{}, errPurging(registry.ErrPurging)
	}
	return org.ID{}, problem.New(problem.NotFound, "no deleted organization had the name", "see the deleted ones with organization list --deleted")
}
