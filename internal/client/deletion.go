package client

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// DeletedOrganization says what becomes of the artifacts of a deleted organization.
type DeletedOrganization struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Stage     string    `json:"stage"`
	DeletedAt time.Time `json:"deletedAt,omitzero"`
	PurgeAt   time.Time `json:"purgeAt,omitzero"` // zero: nobody purges it
	PurgedAt  time.Time `json:"purgedAt,omitzero"`
	Objects   int64     `json:"objects,omitempty"` // that the purge has removed
	Bytes     int64     `json:"bytes,omitempty"`
}

// stages are the names that people read.
var stages = map[managedcasv1.DeletedOrganization_Stage]string{
	managedcasv1.DeletedOrganization_STAGE_DELETING: "deleting",
	managedcasv1.DeletedOrganization_STAGE_RETAINED: "retained",
	managedcasv1.DeletedOrganization_STAGE_PURGING:  "purging",
	managedcasv1.DeletedOrganization_STAGE_PURGED:   "purged",
}

// DeletedOrganizations lists the deleted organizations.
func (c *Client) DeletedOrganizations(ctx context.Context) ([]DeletedOrganization, error) {
	service := managedcasv1.NewOrganizationAdminServiceClient(c.controlPlane)
	deleted := []DeletedOrganization{}
	for cursor := ""; ; {
		page, err := service.ListDeleted(c.call(ctx), &managedcasv1.OrganizationAdminServiceListDeletedRequest{Cursor: cursor})
		if err != nil {
			return nil, failed(err)
		}
		for _, o := range page.GetOrganizations() {
			deleted = append(deleted, DeletedOrganization{
				ID: o.GetId(), Name: o.GetName(), Stage: stages[o.GetStage()],
				DeletedAt: instant(o.GetDeletedAt()), PurgeAt: instant(o.GetPurgeAt()), PurgedAt: instant(o.GetPurgedAt()),
				Objects: o.GetObjects(), Bytes: o.GetBytes(),
			})
		}
		if cursor = page.GetNextCursor(); cursor == "" {
			return deleted, nil
		}
	}
}

// instant is zero where a message has none: AsTime would say 1970.
func instant(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

// UndeleteOrganization brings a deleted organization back, which id or name tells, under
// the new name; empty: the one that it had. Its storage follows within seconds.
func (c *Client) UndeleteOrganization(ctx context.Context, which, name string) (Organization, error) {
	answer, err := managedcasv1.NewOrganizationAdminServiceClient(c.controlPlane).Undelete(c.call(ctx),
		&managedcasv1.OrganizationAdminServiceUndeleteRequest{Organization: which, Name: name})
	if err != nil {
		return Organization{}, failed(err)
	}
	return Organization{ID: answer.GetId(), Name: answer.GetName()}, nil
}
