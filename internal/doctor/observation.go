package doctor

import (
	"context"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// Seen is something that was read from AWS, or the error in its place. Errors wrap those
// of package cloud: ErrNotFound is an observation too.
type Seen[T any] struct {
	Value T
	Err   error
}

func seen[T any](value T, err error) Seen[T] { return Seen[T]{value, err} }

// Observation is what one pass of reading saw. Checks look at nothing else.
type Observation struct {
	Installation tenancy.Installation
	Block        Seen[cloud.PublicAccessBlock]
	rolesSeen
}

// Buckets reads a bucket's settings, each by itself: an identity may see some of them.
type Buckets interface {
	BucketBlock(ctx context.Context, name string) (cloud.PublicAccessBlock, error)
}

func (d *Doctor) observe(ctx context.Context) Observation {
	in := d.cfg.Installation
	return Observation{
		Installation: in,
		Block:        seen(d.cfg.Buckets.BucketBlock(ctx, in.BucketName)),
		rolesSeen:    d.observeRoles(ctx),
	}
}
