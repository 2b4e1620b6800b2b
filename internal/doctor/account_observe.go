package doctor

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/reconcile"
)

// Account reads what an installation shares with everybody else in its account.
type Account interface {
	// ClockAhead is how far this machine's clock is before AWS's.
	ClockAhead(ctx context.Context) (time.Duration, error)
	PolicyUse(ctx context.Context) (cloud.PolicyUse, error)
	// AccountAccessPoints are those of all buckets in the Region.
	AccountAccessPoints(ctx context.Context, prefix string) iter.Seq2[cloud.AccessPoint, error]
	// Policies are the customer-managed ones whose names begin with prefix.
	Policies(ctx context.Context, prefix string) iter.Seq2[cloud.Policy, error]
}

// Limits are what AWS does not tell of the account's quotas (backend.managedCas.quotas).
type Limits struct {
	AccessPoints int
	Reserve      int
}

// accountSeen is what was seen of the account.
type accountSeen struct {
	Limits       Limits
	ClockAhead   Seen[time.Duration]
	PolicyUse    Seen[cloud.PolicyUse]
	AccessPoints Seen[[]cloud.AccessPoint]
	Policies     Seen[[]cloud.Policy]
}

func (d *Doctor) observeAccount(ctx context.Context) accountSeen {
	o := accountSeen{Limits: d.cfg.Limits, ClockAhead: seen(d.cfg.Account.ClockAhead(ctx))}
	if errors.Is(o.ClockAhead.Err, cloud.ErrUnavailable) {
		// Nobody answers: to ask for the rest takes as long each time.
		o.PolicyUse.Err, o.AccessPoints.Err, o.Policies.Err = o.ClockAhead.Err, o.ClockAhead.Err, o.ClockAhead.Err
		return o
	}
	o.PolicyUse = seen(d.cfg.Account.PolicyUse(ctx))
	o.AccessPoints = seen(gather(d.cfg.Account.AccountAccessPoints(ctx, "")))
	o.Policies = seen(gather(d.cfg.Account.Policies(ctx, "")))
	return o
}

func gather[T any](listing iter.Seq2[T, error]) (all []T, err error) {
	for each, err := range listing {
		if err != nil {
			return nil, err
		}
		all = append(all, each)
	}
	return all, nil
}

// seenAccount is an account that answers with what was seen.
type seenAccount struct{ accountSeen }

var _ reconcile.Account = seenAccount{}

func (o seenAccount) PolicyUse(context.Context) (cloud.PolicyUse, error) {
	return o.accountSeen.PolicyUse.Value, o.accountSeen.PolicyUse.Err
}

func (o seenAccount) AccessPointsInUse(context.Context) (int, error) {
	return len(o.AccessPoints.Value), o.AccessPoints.Err
}
