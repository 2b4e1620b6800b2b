package controlplane

import (
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/tenancy"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

// tokenEmail is the address of the synthetic user behind an API token (facts WIRE §3).
const tokenEmail = "API-token@chainloop"

// timestamp leaves out times that never were.
func timestamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func organizationItem(o org.Organization) *controlplanev1.OrgItem {
	return &controlplanev1.OrgItem{
		Id: o.ID.String(), Name: string(o.Name),
		CreatedAt: timestamp(o.CreatedAt), UpdatedAt: timestamp(o.UpdatedAt),
		DefaultPolicyViolationStrategy: controlplanev1.OrgItem_POLICY_VIOLATION_BLOCKING_STRATEGY_ADVISORY,
	}
}

// userItem is the user who makes a call, or the synthetic one behind a token.
func userItem(c auth.Caller) *controlplanev1.User {
	if u, ok := c.User(); ok {
		return personItem(u)
	}
	return &controlplanev1.User{
		Id: c.TokenID().String(), Email: tokenEmail, FirstName: c.TokenName(), InstanceAdmin: c.Instance(),
	}
}

// membershipItem says that a token can act in an organization. Its id is derived, so that
// it is the same each time.
func membershipItem(c auth.Caller, o org.Organization) *controlplanev1.OrgMembershipItem {
	acting, _ := c.Organization()
	role := controlplanev1.MembershipRole_MEMBERSHIP_ROLE_ORG_MEMBER
	if c.Instance() {
		role = controlplanev1.MembershipRole_MEMBERSHIP_ROLE_ORG_OWNER
	}
	return &controlplanev1.OrgMembershipItem{
		Id:  uuid.NewSHA1(c.TokenID(), []byte(o.ID.String())).String(),
		Org: organizationItem(o), User: userItem(c), Role: role, Current: acting.ID == o.ID,
		CreatedAt: timestamp(o.CreatedAt), UpdatedAt: timestamp(o.UpdatedAt),
	}
}

// backendItem shows a storage backend. A managed one is shown by its labels alone
// (DESIGN I10); of an organization's own bucket, what the organization has said.
func (s *Server) backendItem(o org.Organization, b registry.Backend) *controlplanev1.CASBackendItem {
	item := &controlplanev1.CASBackendItem{
		Id: b.ID.String(), Name: b.Name, Default: b.Default, Fallback: b.Fallback, IsManaged: b.Managed,
		Location: b.Bucket.Name, Provider: registry.ProviderS3, Description: b.Description,
		CreatedAt: timestamp(b.CreatedAt), UpdatedAt: timestamp(b.UpdatedAt), ValidatedAt: timestamp(b.ValidatedAt),
	}
	if b.Managed {
		item.Location, item.Provider = tenancy.StorageBackendLabel, tenancy.ProviderDisplay
		item.Description = "Content-addressed storage of this organization"
	}
	if limit := s.maxBytes(b); limit > 0 {
		item.Limits = &controlplanev1.CASBackendItem_Limits{MaxBytes: limit}
	}
	switch {
	case b.Status == registry.BackendInvalid, b.Managed && o.State == org.Degraded:
		item.ValidationStatus = controlplanev1.CASBackendItem_VALIDATION_STATUS_INVALID
		item.ValidationError = new(degradedMessage)
		if !b.Managed {
			item.ValidationError = new(b.ValidationError)
		}
	case b.Status == registry.BackendValid:
		item.ValidationStatus = controlplanev1.CASBackendItem_VALIDATION_STATUS_OK
	}
	return item
}

// maxBytes is the largest artifact that a backend takes; 0: any.
func (s *Server) maxBytes(b registry.Backend) int64 {
	if b.MaxBytes > 0 && (s.cfg.MaxArtifactBytes == 0 || b.MaxBytes < s.cfg.MaxArtifactBytes) {
		return b.MaxBytes
	}
	return s.cfg.MaxArtifactBytes
}
