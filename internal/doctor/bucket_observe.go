package doctor

import (
	"context"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// Buckets reads whose a bucket is and what its policy says.
type Buckets interface {
	// BucketRegion is cloud.ErrDenied for a bucket of another account, and for whoever may
	// not ask; OwnsBucket tells the two apart, to whoever may list the account's buckets.
	BucketRegion(ctx context.Context, name string) (string, error)
	OwnsBucket(ctx context.Context, name string) (bool, error)
	BucketPolicy(ctx context.Context, name string) ([]byte, error)
}

// Settings reads a bucket's settings, each by itself: an identity may see some of them.
type Settings interface {
	BucketBlock(ctx context.Context, name string) (cloud.PublicAccessBlock, error)
	BucketOwnership(ctx context.Context, name string) (string, error)
	BucketEncryption(ctx context.Context, name string) (cloud.Encryption, error)
	BucketLifecycle(ctx context.Context, name string) ([]cloud.LifecycleRule, error)
}

// bucketSeen is section 1 of the operator's guide.
type bucketSeen struct {
	Region       Seen[string]
	Owned        Seen[bool]
	Block        Seen[cloud.PublicAccessBlock]
	Ownership    Seen[string]
	Encryption   Seen[cloud.Encryption]
	Lifecycle    Seen[[]cloud.LifecycleRule]
	BucketPolicy Seen[[]byte] // nil: none
}

func (d *Doctor) observeBucket(ctx context.Context, in tenancy.Installation) bucketSeen {
	bucket := in.BucketName
	return bucketSeen{
		Region:       seen(d.cfg.Buckets.BucketRegion(ctx, bucket)),
		Owned:        seen(d.cfg.Buckets.OwnsBucket(ctx, bucket)),
		BucketPolicy: seen(d.cfg.Buckets.BucketPolicy(ctx, bucket)),
		Block:        seen(d.cfg.Settings.BucketBlock(ctx, bucket)),
		Ownership:    seen(d.cfg.Settings.BucketOwnership(ctx, bucket)),
		Encryption:   seen(d.cfg.Settings.BucketEncryption(ctx, bucket)),
		Lifecycle:    seen(d.cfg.Settings.BucketLifecycle(ctx, bucket)),
	}
}
