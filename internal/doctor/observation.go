package doctor

import (
	"context"

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
	bucketSeen
	keySeen
}

func (d *Doctor) observe(ctx context.Context) Observation {
	o := Observation{Installation: d.cfg.Installation}
	o.bucketSeen = d.observeBucket(ctx, o.Installation)
	o.keySeen = d.observeKey(ctx, o.Installation, o.Encryption)
	return o
}
