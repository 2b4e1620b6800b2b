package controlplane

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/tenancy"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// BackendRecords keeps the storage backends that organizations bring.
type BackendRecords interface {
	// CreateBackend fails with registry.ErrExists or registry.ErrTooMany.
	CreateBackend(ctx context.Context, b registry.Backend) error
	// UpdateBackend fails with registry.ErrConflict if the record's UpdatedAt is not seen.
	UpdateBackend(ctx context.Context, b registry.Backend, seen time.Time) error
	DeleteBackend(ctx context.Context, b registry.Backend) error
	// RecordValidation fails with registry.ErrConflict if the coordinates are others by now.
	RecordValidation(ctx context.Context, b registry.Backend, finding string, at, next time.Time) error
	// ExternalID returns the organization's, which never changes.
	ExternalID(ctx context.Context, id org.ID) (string, error)
	// ArtifactBackend returns which backend has an artifact, Nil for the managed one, or
	// registry.ErrNotFound.
	ArtifactBackend(ctx context.Context, id org.ID, d digest.Digest) (uuid.UUID, error)
}

// Validator uses buckets to find out whether they can be used.
type Validator interface {
	// Validate returns what has to be done about a bucket, or nothing; an error says that it
	// could not be tried.
	Validate(ctx context.Context, id org.ID, b tenancy.OwnBucket) (finding string, err error)
	// Guarded is Validate of whether nobody else's organization gets in.
	Guarded(ctx context.Context, id org.ID, b tenancy.OwnBucket) (finding string, err error)
}

// OwnBuckets is what the services need for buckets that organizations bring.
type OwnBuckets struct {
	Installation tenancy.Installation
	Validator    Validator
	Interval     time.Duration // between two validations
}

const (
	// minMaxBytes and the longest description; facts WIRE §9 has the former.
	minMaxBytes    = 10 << 20
	maxDescription = 255
)

// acceptable refuses what no bucket can make up for.
func (b backends) acceptable(o org.Organization, fresh registry.Backend, req *controlplanev1.CASBackendServiceCreateRequest) error {
	if b.server.cfg.OwnBuckets == nil {
		return errNoOwnBuckets()
	}
	if req.GetProvider() != registry.ProviderS3 {
		return problem.New(problem.Invalid, fmt.Sprintf("there is no provider %q here", clipped(req.GetProvider())), "use "+registry.ProviderS3+", for a bucket of your own")
	}
	if fresh.Name == tenancy.StorageBackendName {
		return problem.New(problem.Invalid, "the name "+fresh.Name+" is reserved", "choose another name")
	}
	if _, err := org.ParseName(fresh.Name); err != nil {
		return problem.Wrap(err, problem.Invalid, "that is not a name for a storage backend", "use 1 to 63 lowercase letters, digits and inner hyphens, and no UUID")
	}
	if o.State == org.Deleting || o.State == org.Deleted {
		return problem.New(problem.Precondition, "the organization is being deleted", "name another one")
	}
	return b.server.sound(fresh, req.MaxBytes != nil)
}

// sound refuses values that no storage backend has.
func (s *Server) sound(b registry.Backend, limited bool) error {
	switch {
	case b.Default && b.Fallback:
		return problem.New(problem.Invalid, "a storage backend cannot be both the default and the fallback", "choose one")
	case limited && (b.MaxBytes < minMaxBytes || s.cfg.MaxArtifactBytes > 0 && b.MaxBytes > s.cfg.MaxArtifactBytes):
		return problem.New(problem.Invalid, "the largest artifact is out of range", fmt.Sprintf("use %d to %d bytes", minMaxBytes, s.cfg.MaxArtifactBytes))
	case len(b.Description) > maxDescription || strings.ContainsFunc(b.Description, unicode.IsControl):
		return problem.New(problem.Invalid, "the description is too long, or has control characters", fmt.Sprintf("use at most %d bytes on one line", maxDescription))
	}
	return nil
}

// backend returns one of an organization's storage backends by its name.
func (s *Server) backend(ctx context.Context, o org.Organization, name string) (registry.Backend, error) {
	list, err := s.cfg.Store.Backends(ctx, o.ID)
	if err != nil {
		return registry.Backend{}, unavailable(err)
	}
	for _, b := range list {
		if b.Name == name {
			return b, nil
		}
	}
	return registry.Backend{}, problem.New(problem.NotFound, fmt.Sprintf("there is no storage backend %q", clipped(name)), "see cas-backend list")
}

// validated gives b the coordinates, if they are usable.
func (s *Server) validated(ctx context.Context, b registry.Backend, location string, given *structpb.Struct) (registry.Backend, error) {
	if s.cfg.OwnBuckets == nil {
		return b, errNoOwnBuckets()
	}
	externalID, err := s.cfg.Store.ExternalID(ctx, b.Org)
	if err != nil {
		return b, unavailable(err)
	}
	bucket, err := s.coordinates(location, given, externalID)
	if err != nil {
		return b, err
	}
	if err := s.cfg.OwnBuckets.Installation.CheckOwnBucket(bucket); err != nil {
		return b, problem.Wrap(err, problem.Invalid, err.Error(), "see cas-backend external-id")
	}
	finding, err := s.validate(ctx, b.Org, bucket)
	if err == nil && finding == "" {
		finding, err = s.guarded(ctx, b.Org, bucket)
	}
	if err != nil {
		return b, err
	}
	if finding != "" {
		return b, problem.New(problem.Invalid, "the bucket cannot be used: "+finding, "nothing was changed; repair it, then try again")
	}
	now := time.Now().UTC()
	b.Bucket, b.Status, b.ValidationError = bucket, registry.BackendValid, ""
	b.ValidatedAt, b.CheckAt = now, now.Add(s.cfg.OwnBuckets.Interval)
	return b, nil
}

func (s *Server) validate(ctx context.Context, id org.ID, b tenancy.OwnBucket) (string, error) {
	if s.cfg.OwnBuckets == nil {
		return "", errNoOwnBuckets()
	}
	finding, err := s.cfg.OwnBuckets.Validator.Validate(ctx, id, b)
	return finding, untried(err)
}

func (s *Server) guarded(ctx context.Context, id org.ID, b tenancy.OwnBucket) (string, error) {
	finding, err := s.cfg.OwnBuckets.Validator.Guarded(ctx, id, b)
	return finding, untried(err)
}

func untried(err error) error {
	if err == nil {
		return nil
	}
	return problem.Wrap(err, problem.Unavailable, "the bucket could not be tried", "nothing was changed; try again in a moment")
}

// coordinates reads what a request calls credentials: a role to be assumed, and never a key.
func (s *Server) coordinates(location string, given *structpb.Struct, externalID string) (tenancy.OwnBucket, error) {
	b := tenancy.OwnBucket{Name: location, ExternalID: externalID}
	for key, value := range given.GetFields() {
		text, ok := value.GetKind().(*structpb.Value_StringValue)
		switch lower := strings.ToLower(key); {
		case strings.Contains(lower, "key") || strings.Contains(lower, "secret") || strings.Contains(lower, "token"):
			return b, problem.New(problem.Invalid, "access keys are not accepted: no long-lived credential is kept here", "give region and roleArn; cas-backend external-id shows how to make the role")
		case !ok:
			return b, problem.New(problem.Invalid, fmt.Sprintf("the credential %q is not a text", clipped(key)), "give region and roleArn")
		case key == "region":
			b.Region = text.StringValue
		case key == "roleArn":
			b.RoleARN = text.StringValue
		case key == "externalId" && text.StringValue == externalID: // it is told to whoever may call this
		case key == "externalId":
			return b, problem.New(problem.Invalid, "the external id is not one to be chosen", "leave it out, and have the role ask for "+externalID)
		default:
			return b, problem.New(problem.Invalid, fmt.Sprintf("there is no credential %q", clipped(key)), "give region and roleArn")
		}
	}
	if b.RoleARN == "" || b.Region == "" {
		return b, problem.New(problem.Invalid, "region and roleArn of the bucket are needed",
			"make a role that trusts "+strings.Join(s.cfg.OwnBuckets.Installation.CustomerPrincipals(), " and ")+" with the external id "+externalID)
	}
	return b, nil
}

func errNoOwnBuckets() error {
	return problem.New(problem.Precondition, "this installation takes no own buckets", "the operator allows them with cas.ownBuckets")
}

// clipped keeps what somebody typed from filling an error.
func clipped(s string) string {
	const most = 64
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

type ownBuckets struct {
	managedcasv1.UnimplementedOwnBucketServiceServer
	server *Server
}

// Describe is the one place where the installation says who it is in AWS: to those who let
// it into their account.
func (s ownBuckets) Describe(ctx context.Context, req *managedcasv1.OwnBucketServiceDescribeRequest) (*managedcasv1.OwnBucketServiceDescribeResponse, error) {
	o, err := callerOrganization(ctx)
	if err != nil {
		return nil, err
	}
	if s.server.cfg.OwnBuckets == nil {
		return nil, errNoOwnBuckets()
	}
	in := s.server.cfg.OwnBuckets.Installation
	externalID, err := s.server.cfg.Store.ExternalID(ctx, o.ID)
	if err != nil {
		return nil, unavailable(err)
	}
	tenant := in.Tenant(o.ID)
	resp := &managedcasv1.OwnBucketServiceDescribeResponse{
		ExternalId: externalID, PrincipalArns: in.CustomerPrincipals(), RoleArnPatterns: in.OwnBucketRoles, KeyPrefix: tenant.KeyPrefix(),
	}
	if resp.TrustPolicy, err = indented(in.CustomerTrust(externalID)); err != nil || req.GetBucket() == "" {
		return resp, err
	}
	if err := tenancy.CheckBucketName(req.GetBucket()); err != nil {
		return nil, problem.Wrap(err, problem.Invalid, "that is not the name of a bucket", "use 3 to 63 lowercase letters, digits, dots and hyphens")
	}
	resp.PermissionPolicy, err = indented(tenant.CustomerPermissions(req.GetBucket()))
	return resp, err
}

func indented(d *iam.Document) (string, error) {
	text, err := json.MarshalIndent(d, "", "  ")
	return string(text), err
}
