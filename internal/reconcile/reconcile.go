// Package reconcile gives every organization its place in AWS and keeps it there.
//
// One organization at a time it observes what exists, computes from (Installation,
// Organization, base role id) what should exist, plans the difference and applies
// it. It never asks how the difference came about, so that creation, repair and
// recovery from a crash are one code path (DESIGN I7):
//
//   - A plan for what is already right is empty.
//   - Every step is safe to repeat, and the order of steps never opens a gap: whoever
//     stops between any two leaves something that the next pass finishes.
//   - What AWS does not let change (an access point's bucket, its public access
//     block) is never deleted to be made anew; the organization becomes Degraded, and
//     its reason says what an operator has to do.
package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/sethvargo/go-retry"
	"go.opentelemetry.io/otel/trace"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// Config is what New needs. Every field down to Jobs is required.
type Config struct {
	Installation  tenancy.Installation
	AccessPoints  AccessPoints
	Policies      Policies
	Roles         Roles
	Organizations Organizations
	Secrets       Secrets
	// Listings, Memory and Jobs are what Run works on.
	Listings Listings
	Memory   Memory
	Jobs     Jobs
	// Quotas holds new organizations back when the account is full; nil: AWS does.
	Quotas *Quotas
	// Standing is where people read how an organization is; nil: nowhere.
	Standing Standing
	// Prober has the last word about what is ready; nil: nobody has. It needs a Standing.
	Prober Prober
	// ProbeInterval and ProbePause are the times between two probes of an organization
	// that is proven (0: an hour), and of one that is not (0: a second).
	ProbeInterval, ProbePause time.Duration
	// Tracing makes a span of each reconciliation; nil makes none.
	Tracing trace.TracerProvider
	// Interval is the time between two cycles; 0: 5 minutes. DeepInterval is the longest
	// until everything of an organization is read again; 0: 48 hours.
	Interval, DeepInterval time.Duration
	Garbage                Garbage
	Retention              *time.Duration // of the objects of a deleted organization; nil: DefaultRetention
	Log                    *slog.Logger
}

// itemTimeout bounds the work on one organization in one pass; maxRounds the number
// of times that it is observed and repaired in it. IAM may take seconds to show what
// was just written (facts AWS §5).
const (
	itemTimeout = 45 * time.Second
	maxRounds   = 8
)

// Reconciler reconciles the organizations of one installation. It is safe for
// concurrent use, and any number of them may run against one installation.
type Reconciler struct {
	cfg      Config
	baseRole atomic.Pointer[cloud.Role]
	shared   sharedPolicy
	health   health
	metrics  *metrics
	cycles   cycleMetrics
}

// New returns a Reconciler. It makes no request.
func New(cfg Config) *Reconciler {
	cfg.Interval = cmp.Or(cfg.Interval, 5*time.Minute)
	cfg.DeepInterval = cmp.Or(cfg.DeepInterval, 48*time.Hour)
	cfg.ProbeInterval, cfg.ProbePause = cmp.Or(cfg.ProbeInterval, time.Hour), cmp.Or(cfg.ProbePause, time.Second)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	r := &Reconciler{cfg: cfg, shared: sharedPolicy{since: time.Now()}}
	r.metrics = newMetrics(r.health.inARow)
	return r
}

// Reconcile brings one organization to its desired state and records the outcome. It
// returns nil when everything is in place (or, for one that is being deleted, gone),
// or when the organization was found Degraded; an error means that it is worth
// another try.
func (r *Reconciler) Reconcile(ctx context.Context, id org.ID) (err error) {
	ctx, cancel := context.WithTimeout(ctx, itemTimeout)
	defer cancel()
	ctx, end := r.span(ctx, id)
	defer func(began time.Time) { end(r.outcome(ctx, id, began, err)) }(time.Now())
	log := r.cfg.Log.With("org", id)

	backoff := retry.WithMaxRetries(maxRounds-1, retry.WithJitterPercent(20,
		retry.WithCappedDuration(4*time.Second, retry.NewExponential(100*time.Millisecond))))
	var c creation
	err = retry.Do(ctx, backoff, func(ctx context.Context) error {
		err := r.round(ctx, id, log, &c)
		if settles(err) {
			return retry.RetryableError(err)
		}
		return err
	})

	if errors.Is(err, cloud.ErrExists) {
		err = taken(err)
	}
	if beyond, ok := errors.AsType[*BeyondRepair](err); ok {
		err = r.degrade(ctx, id, beyond)
	}
	if err != nil {
		return fmt.Errorf("reconciling organization %s: %w", id, err)
	}
	return nil
}

// round observes and plans; if nothing is left to do it records so, else it applies
// the plan and asks for another round: an organization is ready when AWS shows that
// it is, not when the last call was answered. Every round reads the organization
// anew: one that was deleted meanwhile is taken away again by the next.
//
// What is created from nothing needs no other observation than AWS's answers: see creation.
func (r *Reconciler) round(ctx context.Context, id org.ID, log *slog.Logger, c *creation) error {
	o, err := r.cfg.Organizations.OrganizationByID(ctx, id)
	if err != nil {
		return err
	}
	plan, seen, err := r.look(ctx, o, func(ctx context.Context, d Desired) (Observed, error) { return c.observe(ctx, r, o, d) })
	if err != nil {
		return err
	}
	if len(plan) == 0 {
		return errors.Join(r.settle(ctx, o), r.remember(ctx, o, seen))
	}
	plan, room, full := r.cfg.Quotas.book(plan)
	defer room.close()
	if full != nil && c.blank { // it may have been made before the account was full
		return r.round(ctx, id, log, c)
	}
	if err := r.changing(ctx, o, plan); err != nil {
		return err
	}
	var made Observed
	for _, step := range plan {
		log.InfoContext(ctx, "reconciling", "name", o.Name, "step", step.String())
		if err := r.take(ctx, step, &made); err != nil {
			return fmt.Errorf("%s: %w", step, err)
		}
		r.done(o, step)
		room.made(step)
	}
	if c.blank {
		c.made = &made
		return r.round(ctx, id, log, c)
	}
	return cmp.Or(full, errUnverified)
}

// errUnverified ends a round that changed something.
var errUnverified = errors.New("changes were made and are not visible in AWS yet")

// Plan observes an organization and returns the steps that are missing, in order;
// none when everything is right. It changes nothing. The error is a *BeyondRepair
// when steps cannot help.
func (r *Reconciler) Plan(ctx context.Context, o org.Organization) ([]Step, error) {
	plan, _, err := r.look(ctx, o, r.observe)
	return plan, err
}

// settles reports whether err is one that AWS or a store gets over within seconds:
// besides load, the several faces of eventual consistency. A read misses what was
// just created, a creation finds what a read has missed, and a policy names a role
// that is too new to be known. Or the organization was brought back under our hands.
func settles(err error) bool {
	return errors.Is(err, errUnverified) || cloud.Transient(err) || errors.Is(err, registry.ErrUnavailable) ||
		errors.Is(err, cloud.ErrNotFound) || errors.Is(err, cloud.ErrExists) ||
		errors.Is(err, cloud.ErrMalformedPolicy) || errors.Is(err, registry.ErrNotDeleted) || errors.Is(err, org.ErrTransition)
}
