package session

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/tenancy"
)

var (
	// ErrNoBackend: the organization has no such bucket of its own. It never had, it is
	// another organization's, or it was deleted: whoever asks is not told which.
	ErrNoBackend = errors.New("the organization has no such storage backend")
	// ErrBackend: its own bucket cannot be used now, which is the organization's to repair.
	ErrBackend = errors.New("the organization's own bucket cannot be used")
)

// Backends are the storage backends of organizations.
type Backends interface {
	// Backend returns one of an organization's; registry.ErrNotFound when it has none with
	// this id, whoever else may have it.
	Backend(ctx context.Context, id org.ID, backend uuid.UUID) (registry.Backend, error)
}

// Own lends sessions for buckets that organizations bring. They are kept as those of the
// managed ones are, and what is recorded of the bucket is read for each: a customer who
// takes his bucket away does not wait until a session ends.
type Own struct{ sessions *Sessions }

// Own returns what lends sessions for organizations' own buckets.
func (s *Sessions) Own() Own { return Own{s} }

// For returns a session of the organization in its own bucket.
func (o Own) For(ctx context.Context, id org.ID, backend uuid.UUID) (Session, error) {
	at := place{id, backend}
	bucket, err := o.sessions.ownBucket(ctx, at)
	if err != nil {
		return Session{}, err
	}
	return o.sessions.lend(ctx, at, bucket)
}

// Drop is Sessions.Drop.
func (o Own) Drop(id org.ID, backend uuid.UUID, used Credentials) {
	o.sessions.drop(place{id, backend}, used)
}

// ownBucket reads where a bucket is, and whether it may be used.
func (s *Sessions) ownBucket(ctx context.Context, at place) (tenancy.OwnBucket, error) {
	if s.cfg.Backends == nil || at.backend == uuid.Nil {
		return tenancy.OwnBucket{}, ErrNoBackend
	}
	b, err := s.cfg.Backends.Backend(ctx, at.org, at.backend)
	switch {
	case errors.Is(err, registry.ErrNotFound), err == nil && b.Managed:
		return tenancy.OwnBucket{}, ErrNoBackend
	case err != nil:
		return tenancy.OwnBucket{}, fmt.Errorf("%w: reading a storage backend of organization %s: %w", registry.ErrUnavailable, at.org, err)
	case b.Status != registry.BackendValid:
		return tenancy.OwnBucket{}, fmt.Errorf("%w: it is %s", ErrBackend, b.Status)
	}
	// As it was checked when it was written down: since then the operator may allow less.
	if err := s.cfg.Installation.CheckOwnBucket(b.Bucket); err != nil {
		return tenancy.OwnBucket{}, fmt.Errorf("%w: %w", ErrBackend, err)
	}
	return b.Bucket, nil
}

// assumeOwn becomes a customer's role, for one organization's keys in one bucket.
func (s *Sessions) assumeOwn(ctx context.Context, at place) (Session, error) {
	bucket, err := s.ownBucket(ctx, at)
	if err != nil {
		return Session{}, err
	}
	tenant := s.cfg.Installation.Tenant(at.org)
	credentials, err := s.cfg.STS.AssumeRole(ctx, Request{
		RoleARN: bucket.RoleARN, SessionName: tenant.SessionName(), ExternalID: bucket.ExternalID,
		Policy: tenant.OwnBucketPolicy(bucket), Lifetime: Lifetime,
	})
	if err != nil {
		err = fmt.Errorf("assuming the role of organization %s for its own bucket: %w", at.org, err)
		if errors.Is(err, cloud.ErrDenied) {
			err = fmt.Errorf("%w: %w", ErrBackend, err)
		}
		return Session{}, err
	}
	return Session{Tenant: tenant, Credentials: credentials, Backend: at.backend, Bucket: bucket}, nil
}
