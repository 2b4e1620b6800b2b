package doctor

import (
	"context"
	"errors"

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
	silent       bool // AWS does not answer, and nothing else was asked
	accountSeen
	bucketSeen
	keySeen
	rolesSeen
	storesSeen
}

func (d *Doctor) observe(ctx context.Context) Observation {
	in := d.cfg.Installation
	account := d.observeAccount(ctx)
	if errors.Is(account.ClockAhead.Err, cloud.ErrUnavailable) {
		return Observation{Installation: in, accountSeen: account, silent: true, storesSeen: d.observeStores(ctx)}
	}
	bucket := d.observeBucket(ctx, in)
	return Observation{
		Installation: in,
		accountSeen:  account,
		bucketSeen:   bucket,
		keySeen:      d.observeKey(ctx, in, bucket.Encryption),
		rolesSeen:    d.observeRoles(ctx),
		storesSeen:   d.observeStores(ctx),
	}
}
