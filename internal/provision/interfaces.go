package provision

import (
	"context"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
)

// Roles is IAM's roles. Errors of all interfaces wrap those of package cloud.
type Roles interface {
	Role(ctx context.Context, name string) (cloud.Role, error)
	CreateRole(ctx context.Context, name, description string, trust *iam.Document, maxSession time.Duration) (cloud.Role, error)
	PutRoleTrust(ctx context.Context, name string, trust *iam.Document) error
	PutRoleMaxSession(ctx context.Context, name string, maxSession time.Duration) error
	RolePolicy(ctx context.Context, role, name string) ([]byte, error)
	PutRolePolicy(ctx context.Context, role, name string, policy *iam.Document) error
}

// Keys is KMS.
type Keys interface {
	// Key finds a key by ARN or alias.
	Key(ctx context.Context, id string) (cloud.Key, error)
	CreateKey(ctx context.Context, description string) (cloud.Key, error)
	AliasKey(ctx context.Context, alias, keyARN string) error
	PutKeyPolicy(ctx context.Context, keyARN string, policy *iam.Document) error
	RotateKey(ctx context.Context, keyARN string) error
}

// Buckets is S3's buckets.
type Buckets interface {
	// Bucket reads a bucket with its settings.
	Bucket(ctx context.Context, name string) (cloud.Bucket, error)
	// CreateBucket makes a bucket without ACLs.
	CreateBucket(ctx context.Context, name string) error
	PutBucketPolicy(ctx context.Context, name string, policy *iam.Document) error
}

// Settings change one setting of a bucket each.
type Settings interface {
	// BlockBucket blocks all public access.
	BlockBucket(ctx context.Context, name string) error
	DisableBucketACLs(ctx context.Context, name string) error
	// EncryptBucket makes SSE-KMS with a bucket key the default, and refuses SSE-C.
	EncryptBucket(ctx context.Context, name, keyARN string) error
	// AbortIncompleteUploads has S3 remove unfinished uploads after so many days.
	AbortIncompleteUploads(ctx context.Context, bucket string, days int) error
}
