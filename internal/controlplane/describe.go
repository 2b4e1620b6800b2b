package controlplane

import (
	"context"
	"time"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// maxShownEvents is how many of an organization's events are shown.
const maxShownEvents = 20

// describe shows an organization with all that is known of its storage.
func (s *Server) describe(ctx context.Context, o org.Organization) (*managedcasv1.OrganizationAdminServiceDescribeResponse, error) {
	known, err := s.cfg.Store.Conditions(ctx, o.ID)
	if err != nil {
		return nil, unavailable(err)
	}
	list, err := s.cfg.Store.Backends(ctx, o.ID)
	if err != nil {
		return nil, unavailable(err)
	}
	events, err := s.cfg.Store.Events(ctx, o.ID, maxShownEvents)
	if err != nil {
		return nil, unavailable(err)
	}
	resp := &managedcasv1.OrganizationAdminServiceDescribeResponse{Organization: adminItem(o)}
	for _, c := range append(complete(known, o), storageBackend(o, list)) {
		resp.Conditions = append(resp.Conditions, &managedcasv1.Condition{
			Type: string(c.Type), Met: c.Status == registry.True, Status: string(c.Status),
			Reason: c.Reason, Message: c.Message, Since: timestamp(c.Since),
		})
	}
	for _, e := range events {
		resp.Events = append(resp.Events, &managedcasv1.Event{
			Reason: e.Reason, Message: e.Message, Count: e.Count, First: timestamp(e.First), Last: timestamp(e.Last),
		})
	}
	return resp, nil
}

// byNameOrID finds the organization that is meant: logs and resources have ids, and no name
// is one.
func (s *Server) byNameOrID(ctx context.Context, which string) (org.Organization, error) {
	id, err := org.ParseID(which)
	if err != nil {
		return s.byName(ctx, which)
	}
	o, err := s.cfg.Store.OrganizationByID(ctx, id)
	if err != nil {
		return org.Organization{}, notThere(err, which)
	}
	return o, nil
}

// complete adds what nobody has reported yet, as unknown.
func complete(known []registry.Condition, o org.Organization) []registry.Condition {
	reported := map[registry.ConditionType]registry.Condition{}
	for _, c := range known {
		reported[c.Type] = c
	}
	var all []registry.Condition
	for _, of := range registry.ConditionTypes {
		c, ok := reported[of]
		if !ok {
			c = registry.Condition{Type: of, Status: registry.Unknown, Reason: "Waiting", Message: "nothing is known yet", Since: o.CreatedAt}
		}
		all = append(all, c)
	}
	return all
}

// storageBackend says how the default storage backend is: as in the list of backends.
func storageBackend(o org.Organization, list []registry.Backend) registry.Condition {
	c := registry.Condition{Type: "StorageBackend", Status: registry.False, Reason: "Missing", Message: "there is no default storage backend", Since: o.UpdatedAt}
	for _, b := range list {
		if !b.Default {
			continue
		}
		status := b.Status
		if b.Managed && o.State == org.Degraded {
			status = registry.BackendInvalid
		}
		c.Since, c.Message = usableSince(b, o), "the default storage backend "+b.Name+" is "+string(status)
		switch status {
		case registry.BackendValid:
			c.Status, c.Reason = registry.True, "Valid"
		case registry.BackendInvalid:
			c.Status, c.Reason = registry.False, "Invalid"
		default:
			c.Status, c.Reason = registry.Unknown, "Pending"
		}
	}
	return c
}

// usableSince is when the status last changed: a managed backend's with its organization's
// as well, for while one is degraded the record stays as it is.
func usableSince(b registry.Backend, o org.Organization) time.Time {
	settled := o.State == org.Ready || o.State == org.Degraded
	if b.Managed && settled && o.UpdatedAt.After(b.UpdatedAt) {
		return o.UpdatedAt
	}
	return b.UpdatedAt
}
