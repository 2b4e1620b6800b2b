package client

import (
	"context"
	"time"

	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// Organization is an organization as a client sees it.
type Organization struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Role      string    `json:"role,omitempty"`
	State     string    `json:"state,omitempty"` // where the server tells
	CreatedAt time.Time `json:"createdAt"`
}

// Condition is one observable fact about an organization's storage.
type Condition struct {
	Type    string    `json:"type"`
	Met     bool      `json:"met"`
	Status  string    `json:"status"`
	Reason  string    `json:"reason"`
	Message string    `json:"message"`
	Since   time.Time `json:"since"`
}

// Event is something that happened to an organization's storage.
type Event struct {
	Reason  string    `json:"reason"`
	Message string    `json:"message"`
	Count   int64     `json:"count"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
}

// OrganizationState is an organization with the state of its storage.
type OrganizationState struct {
	ID         string      `json:"id"`
	Name       string      `json:"name"`
	State      string      `json:"state"`
	Reason     string      `json:"reason,omitempty"`
	CreatedAt  time.Time   `json:"createdAt"`
	UpdatedAt  time.Time   `json:"updatedAt"`
	Conditions []Condition `json:"conditions"`
	Events     []Event     `json:"events"`
}

// Backend is a storage backend.
type Backend struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Location    string `json:"location"`
	Provider    string `json:"provider"`
	Description string `json:"description,omitempty"`
	Default     bool   `json:"default"`
	Fallback    bool   `json:"fallback"`
	Managed     bool   `json:"managed"`
	Status      string `json:"status"`
	// ValidationError says what has to be done about one that is not valid.
	ValidationError string    `json:"validationError,omitempty"`
	MaxBytes        int64     `json:"maxBytes,omitempty"`
	CreatedAt       time.Time `json:"createdAt"`
}

// CreateOrganization creates an organization. Its storage follows within seconds;
// OrganizationState tells.
func (c *Client) CreateOrganization(ctx context.Context, name string) (Organization, error) {
	answer, err := controlplanev1.NewOrganizationServiceClient(c.controlPlane).Create(c.call(ctx),
		&controlplanev1.OrganizationServiceCreateRequest{Name: name})
	if err != nil {
		return Organization{}, failed(err)
	}
	return organization(answer.GetResult()), nil
}

// DeleteOrganization deletes an organization.
func (c *Client) DeleteOrganization(ctx context.Context, name string) error {
	_, err := controlplanev1.NewOrganizationServiceClient(c.controlPlane).Delete(c.call(ctx),
		&controlplanev1.OrganizationServiceDeleteRequest{Name: name})
	return failed(err)
}

// roles are the names that people read (facts WIRE §2).
var roles = map[controlplanev1.MembershipRole]string{
	controlplanev1.MembershipRole_MEMBERSHIP_ROLE_ORG_VIEWER:      "viewer",
	controlplanev1.MembershipRole_MEMBERSHIP_ROLE_ORG_ADMIN:       "admin",
	controlplanev1.MembershipRole_MEMBERSHIP_ROLE_ORG_OWNER:       "owner",
	controlplanev1.MembershipRole_MEMBERSHIP_ROLE_ORG_MEMBER:      "member",
	controlplanev1.MembershipRole_MEMBERSHIP_ROLE_ORG_CONTRIBUTOR: "contributor",
}

func organization(o *controlplanev1.OrgItem) Organization {
	return Organization{ID: o.GetId(), Name: o.GetName(), CreatedAt: o.GetCreatedAt().AsTime()}
}

// states are the names that people read.
var states = map[managedcasv1.Organization_State]string{
	managedcasv1.Organization_STATE_PENDING:  "pending",
	managedcasv1.Organization_STATE_READY:    "ready",
	managedcasv1.Organization_STATE_DEGRADED: "degraded",
	managedcasv1.Organization_STATE_DELETING: "deleting",
	managedcasv1.Organization_STATE_DELETED:  "deleted",
}

// OrganizationState describes an organization by name; empty: the token's own.
func (c *Client) OrganizationState(ctx context.Context, name string) (OrganizationState, error) {
	answer, err := managedcasv1.NewOrganizationAdminServiceClient(c.controlPlane).Describe(c.call(ctx),
		&managedcasv1.OrganizationAdminServiceDescribeRequest{Name: name})
	if err != nil {
		return OrganizationState{}, failed(err)
	}
	o := answer.GetOrganization()
	state := OrganizationState{
		ID: o.GetId(), Name: o.GetName(), State: states[o.GetState()], Reason: o.GetReason(),
		CreatedAt: o.GetCreatedAt().AsTime(), UpdatedAt: o.GetUpdatedAt().AsTime(),
		Conditions: make([]Condition, 0, len(answer.GetConditions())),
		Events:     make([]Event, 0, len(answer.GetEvents())),
	}
	for _, c := range answer.GetConditions() {
		state.Conditions = append(state.Conditions, Condition{
			Type: c.GetType(), Met: c.GetMet(), Status: c.GetStatus(), Reason: c.GetReason(), Message: c.GetMessage(), Since: c.GetSince().AsTime(),
		})
	}
	for _, e := range answer.GetEvents() {
		state.Events = append(state.Events, Event{
			Reason: e.GetReason(), Message: e.GetMessage(), Count: e.GetCount(), First: e.GetFirst().AsTime(), Last: e.GetLast().AsTime(),
		})
	}
	return state, nil
}

// Backends lists the storage backends of the organization.
func (c *Client) Backends(ctx context.Context) ([]Backend, error) {
	answer, err := controlplanev1.NewCASBackendServiceClient(c.controlPlane).List(c.call(ctx),
		&controlplanev1.CASBackendServiceListRequest{})
	if err != nil {
		return nil, failed(err)
	}
	backends := make([]Backend, 0, len(answer.GetResult()))
	for _, b := range answer.GetResult() {
		backends = append(backends, backendOf(b))
	}
	return backends, nil
}
