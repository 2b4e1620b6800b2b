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
	silent       error // why nothing of AWS was looked at; nil: it was
	accountSeen
	bucketSeen
	keySeen
	callerSeen
	rolesSeen
	sessionsSeen
	storesSeen
}

func (d *Doctor) observe(ctx context.Context) Observation {
	in := d.cfg.Installation
	caller := d.observeCaller(ctx)
	if errors.Is(caller.Credentials.Err, cloud.ErrNoCredentials) {
		return Observation{Installation: in, callerSeen: caller, silent: cloud.ErrNoCredentials, storesSeen: d.observeStores(ctx)}
	}
	account := d.observeAccount(ctx)
	if errors.Is(account.ClockAhead.Err, cloud.ErrUnavailable) {
		return Observation{Installation: in, callerSeen: caller, accountSeen: account, silent: errSilent, storesSeen: d.observeStores(ctx)}
	}
	bucket := d.observeBucket(ctx, in)
	return Observation{
		Installation: in,
		callerSeen:   caller,
		accountSeen:  account,
		bucketSeen:   bucket,
		keySeen:      d.observeKey(ctx, in, bucket.Encryption),
		rolesSeen:    d.observeRoles(ctx),
		sessionsSeen: d.observeSessions(ctx, account),
		storesSeen:   d.observeStores(ctx),
	}
}

var errSilent = errors.New("AWS does not answer")
