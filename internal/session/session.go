// Package session turns an organization's id into short-lived AWS credentials that
// reach this organization's artifacts and nothing else.
//
// Invariants:
//   - The organization is an argument of every call, and the key of the cache; it is
//     never read from a context, a secret or a resource name (DESIGN I1).
//   - AssumeRole is never called without the organization's session policy (I2).
//   - Coordinates that do not belong to the organization are refused, whoever wrote
//     them down (I8e).
//   - Credentials stay in memory (I11).
package session

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// Lifetime is how long a session lives: the most that AWS gives to a workload whose
// own credentials are a role session, which they are in EKS (role chaining; facts
// AWS §4.1).
const Lifetime = time.Hour

// mintTimeout bounds one AssumeRole with its retries. Callers may wait shorter.
const mintTimeout = 30 * time.Second

// ErrCoordinates means that the coordinates stored for an organization are not the
// ones that its id implies: somebody changed them, or they belong to another tenant.
var ErrCoordinates = errors.New("stored coordinates are not the organization's own")

// Request is one AssumeRole. Every field is required, but Tags or ExternalID is enough.
type Request struct {
	RoleARN     string
	SessionName string
	Policy      tenancy.PassedPolicy // what keeps the session inside its tenant
	Tags        map[string]string
	ExternalID  string // of a customer's role, in place of Tags
	Lifetime    time.Duration
}

// STS mints sessions.
type STS interface {
	// AssumeRole returns fresh credentials. It must refuse a Request without a session
	// policy, and retry what AWS says is temporary until ctx ends.
	AssumeRole(ctx context.Context, req Request) (Credentials, error)
}

// Secrets knows where an organization's artifacts are.
type Secrets interface {
	// Coordinates returns what the reconciler stored for the organization. The error
	// says whether there is nothing yet or the store could not be asked.
	Coordinates(ctx context.Context, id org.ID) (tenancy.Coordinates, error)
}

// Session is what one organization's requests run with.
type Session struct {
	Tenant      tenancy.Tenant
	Credentials Credentials
	// Backend and Bucket say which bucket of the organization's own it is for; zero: the
	// access point of the managed one.
	Backend uuid.UUID
	Bucket  tenancy.OwnBucket
}

// Config is what New needs.
type Config struct {
	Installation tenancy.Installation
	STS          STS
	Secrets      Secrets
	// Reuse is how long a session serves further requests of its organization; 0 mints
	// one per request, as the operator's guide describes. At most 45 minutes, so that a
	// transfer that starts late still has a quarter of an hour. When four fifths of it are
	// over, a request has the session renewed in the background.
	Reuse time.Duration
	// Backends are the buckets that organizations bring; nil: they bring none.
	Backends Backends
	// MaxCached bounds the number of organizations whose sessions are kept; 0: 10,000.
	MaxCached int
}

// MaxReuse is the largest Config.Reuse.
const MaxReuse = 45 * time.Minute

// Sessions mints sessions and keeps them for a while. It is safe for concurrent use.
type Sessions struct {
	cfg    Config
	flight singleflight.Group
	stats  counters

	changing sync.Mutex // whoever changes cache
	cache    *lru.Cache[place, kept]
	refusals *lru.Cache[place, refusal]
	dropped  *lru.Cache[place, time.Time] // when the session for a place was, last
}

// place is what a session is for: an organization's managed storage, or a backend of its
// own.
type place struct {
	org     org.ID
	backend uuid.UUID // Nil: the managed one
}

func (p place) String() string { return p.org.String() + "/" + p.backend.String() }

// New returns Sessions that mint with cfg.STS.
func New(cfg Config) (*Sessions, error) {
	if cfg.Reuse < 0 || cfg.Reuse > MaxReuse {
		return nil, fmt.Errorf("session reuse of %s: want 0 to %s", cfg.Reuse, MaxReuse)
	}
	if cfg.MaxCached == 0 {
		cfg.MaxCached = 10_000
	}
	s := &Sessions{cfg: cfg}
	var failed [3]error
	s.cache, failed[0] = lru.New[place, kept](cfg.MaxCached)
	s.refusals, failed[1] = lru.New[place, refusal](cfg.MaxCached)
	s.dropped, failed[2] = lru.New[place, time.Time](cfg.MaxCached)
	if err := errors.Join(failed[:]...); err != nil {
		return nil, fmt.Errorf("session cache of %d: %w", cfg.MaxCached, err)
	}
	return s, nil
}

// For returns a session of the organization: a kept one, or a fresh one. Concurrent
// callers for the same organization share one AssumeRole; a caller that gives up does
// not take it away from the others.
func (s *Sessions) For(ctx context.Context, id org.ID) (Session, error) {
	return s.lend(ctx, place{org: id}, tenancy.OwnBucket{})
}

// lend returns a session for a place that is in bucket, as far as that is known now.
func (s *Sessions) lend(ctx context.Context, at place, bucket tenancy.OwnBucket) (Session, error) {
	if at.org.IsZero() {
		return Session{}, errors.New("no session without an organization")
	}
	if s.cfg.Reuse == 0 {
		return s.mint(ctx, at)
	}
	if session, ok := s.kept(ctx, at); ok && session.Bucket == bucket {
		return session, nil
	}
	if err := s.refused(at); err != nil {
		return Session{}, err
	}
	select {
	case <-ctx.Done():
		return Session{}, context.Cause(ctx)
	case r := <-s.shared(ctx, at):
		if r.Err != nil {
			return Session{}, r.Err
		}
		if got := r.Val.(Session); got.Bucket == bucket {
			return got, nil
		}
		return s.mint(ctx, at) // STS was asked before what is recorded of the bucket changed
	}
}

// shared mints a session and keeps it, once for all who ask at the same time.
func (s *Sessions) shared(ctx context.Context, at place) <-chan singleflight.Result {
	return s.flight.DoChan(at.String(), func() (any, error) {
		shared, cancel := context.WithTimeout(context.WithoutCancel(ctx), mintTimeout)
		defer cancel()
		session, err := s.mint(shared, at)
		if err != nil {
			s.remember(at, err)
			return nil, err
		}
		s.keep(at, session)
		return session, nil
	})
}

// mint asks STS, and counts.
func (s *Sessions) mint(ctx context.Context, at place) (Session, error) {
	assume := s.assumeBase
	if at.backend != uuid.Nil {
		assume = s.assumeOwn
	}
	session, err := assume(ctx, at)
	if err != nil {
		s.stats.failures.Add(1)
		return Session{}, err
	}
	s.stats.minted(session.Credentials)
	return session, nil
}

func (s *Sessions) assumeBase(ctx context.Context, at place) (Session, error) {
	id := at.org
	tenant := s.cfg.Installation.Tenant(id)
	stored, err := s.cfg.Secrets.Coordinates(ctx, id)
	if err != nil {
		return Session{}, fmt.Errorf("reading where organization %s stores: %w", id, err)
	}
	if err := tenant.Verify(stored); err != nil {
		return Session{}, fmt.Errorf("%w: %w", ErrCoordinates, err)
	}
	credentials, err := s.cfg.STS.AssumeRole(ctx, Request{
		RoleARN:     stored.BaseRoleARN,
		SessionName: tenant.SessionName(),
		Policy:      tenant.PassedPolicy(),
		Tags:        tenant.SessionTags(),
		Lifetime:    Lifetime,
	})
	if err != nil {
		return Session{}, fmt.Errorf("assuming the base role for organization %s: %w", id, err)
	}
	return Session{Tenant: tenant, Credentials: credentials}, nil
}
