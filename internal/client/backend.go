package client

import (
	"context"

	"google.golang.org/protobuf/types/known/structpb"

	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

func backendOf(b *controlplanev1.CASBackendItem) Backend {
	statuses := map[controlplanev1.CASBackendItem_ValidationStatus]string{
		controlplanev1.CASBackendItem_VALIDATION_STATUS_OK:      "valid",
		controlplanev1.CASBackendItem_VALIDATION_STATUS_INVALID: "invalid",
	}
	return Backend{
		ID: b.GetId(), Name: b.GetName(), Location: b.GetLocation(), Provider: b.GetProvider(),
		Description: b.GetDescription(), Default: b.GetDefault(), Fallback: b.GetFallback(), Managed: b.GetIsManaged(),
		Status: statuses[b.GetValidationStatus()], ValidationError: b.GetValidationError(),
		MaxBytes: b.GetLimits().GetMaxBytes(), CreatedAt: b.GetCreatedAt().AsTime(),
	}
}

// Role is what lets the installation into a bucket.
type Role struct{ Region, ARN string }

// credentials is what the wire calls them. There is no secret among them.
func (r *Role) credentials() *structpb.Struct {
	if r == nil {
		return nil
	}
	fields := map[string]*structpb.Value{}
	for key, value := range map[string]string{"region": r.Region, "roleArn": r.ARN} {
		if value != "" {
			fields[key] = structpb.NewStringValue(value)
		}
	}
	return &structpb.Struct{Fields: fields}
}

// NewBackend is a storage backend to be created.
type NewBackend struct {
	Name, Bucket, Description string
	Role                      Role
	Default, Fallback         bool
	MaxBytes                  int64 // 0: the installation's
}

// CreateBackend creates a storage backend in a bucket of the organization.
func (c *Client) CreateBackend(ctx context.Context, b NewBackend) (Backend, error) {
	req := &controlplanev1.CASBackendServiceCreateRequest{
		Name: b.Name, Location: b.Bucket, Provider: "AWS-S3", Description: b.Description,
		Default: b.Default, Fallback: b.Fallback, Credentials: b.Role.credentials(),
	}
	if b.MaxBytes != 0 {
		req.MaxBytes = &b.MaxBytes
	}
	answer, err := controlplanev1.NewCASBackendServiceClient(c.controlPlane).Create(c.call(ctx), req)
	if err != nil {
		return Backend{}, failed(err)
	}
	return backendOf(answer.GetResult()), nil
}

// BackendChange is what is to be changed of a storage backend; nil stays as it is.
type BackendChange struct {
	Description       *string
	Default, Fallback *bool
	MaxBytes          *int64
	Role              *Role
}

// UpdateBackend changes a storage backend.
func (c *Client) UpdateBackend(ctx context.Context, name string, change BackendChange) (Backend, error) {
	answer, err := controlplanev1.NewCASBackendServiceClient(c.controlPlane).Update(c.call(ctx), &controlplanev1.CASBackendServiceUpdateRequest{
		Name: name, Description: change.Description, Default: change.Default, Fallback: change.Fallback,
		MaxBytes: change.MaxBytes, Credentials: change.Role.credentials(),
	})
	if err != nil {
		return Backend{}, failed(err)
	}
	return backendOf(answer.GetResult()), nil
}

// DeleteBackend forgets a storage backend; what is in its bucket stays there.
func (c *Client) DeleteBackend(ctx context.Context, name string) error {
	_, err := controlplanev1.NewCASBackendServiceClient(c.controlPlane).Delete(c.call(ctx), &controlplanev1.CASBackendServiceDeleteRequest{Name: name})
	return failed(err)
}

// RevalidateBackend has a storage backend tried now; it fails if that is not valid.
func (c *Client) RevalidateBackend(ctx context.Context, name string) error {
	_, err := controlplanev1.NewCASBackendServiceClient(c.controlPlane).Revalidate(c.call(ctx), &controlplanev1.CASBackendServiceRevalidateRequest{Name: name})
	return failed(err)
}

// OwnBucket is what administrators need to let the installation into their bucket.
type OwnBucket struct {
	ExternalID       string   `json:"externalId"`
	Principals       []string `json:"principals"`
	RoleARNPatterns  []string `json:"roleArnPatterns"`
	KeyPrefix        string   `json:"keyPrefix"`
	TrustPolicy      string   `json:"trustPolicy"`
	PermissionPolicy string   `json:"permissionPolicy,omitempty"` // without a bucket there is none
}

// OwnBucket describes what the role of a bucket has to allow.
func (c *Client) OwnBucket(ctx context.Context, bucket string) (OwnBucket, error) {
	answer, err := managedcasv1.NewOwnBucketServiceClient(c.controlPlane).Describe(c.call(ctx), &managedcasv1.OwnBucketServiceDescribeRequest{Bucket: bucket})
	if err != nil {
		return OwnBucket{}, failed(err)
	}
	return OwnBucket{
		ExternalID: answer.GetExternalId(), Principals: answer.GetPrincipalArns(), RoleARNPatterns: answer.GetRoleArnPatterns(),
		KeyPrefix: answer.GetKeyPrefix(), TrustPolicy: answer.GetTrustPolicy(), PermissionPolicy: answer.GetPermissionPolicy(),
	}, nil
}
