package controlplane

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

// Create makes a storage backend in a bucket that the organization brings, after having
// used it.
func (b backends) Create(ctx context.Context, req *controlplanev1.CASBackendServiceCreateRequest) (*controlplanev1.CASBackendServiceCreateResponse, error) {
	o, err := callerOrganization(ctx)
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	fresh := registry.Backend{
		ID: uuid.New(), Org: o.ID, Name: req.GetName(), Description: req.GetDescription(),
		Default: req.GetDefault(), Fallback: req.GetFallback(), MaxBytes: req.GetMaxBytes(),
		CreatedAt: now, UpdatedAt: now,
	}
	if err := b.acceptable(o, fresh, req); err != nil {
		return nil, err
	}
	// The bucket is not tried for a name that is taken.
	switch _, err := b.server.backend(ctx, o, fresh.Name); {
	case err == nil:
		return nil, unavailable(registry.ErrExists)
	case problem.KindOf(err) != problem.NotFound:
		return nil, err
	}
	if fresh, err = b.server.validated(ctx, fresh, req.GetLocation(), req.GetCredentials()); err != nil {
		return nil, err
	}
	err = b.server.cfg.Store.CreateBackend(ctx, fresh)
	if errors.Is(err, registry.ErrTooMany) {
		return nil, problem.Wrap(err, problem.Exhausted, "the organization has 20 own buckets, which is the most", "delete one that is not used")
	}
	if err != nil {
		return nil, unavailable(err)
	}
	return &controlplanev1.CASBackendServiceCreateResponse{Result: b.server.backendItem(o, fresh)}, nil
}

// Update changes an own bucket's record. The managed backend can be made the default again,
// and nothing else: that is decided before anything else of the request is looked at, so
// that no answer is about its coordinates (facts WIRE §9 a).
func (b backends) Update(ctx context.Context, req *controlplanev1.CASBackendServiceUpdateRequest) (*controlplanev1.CASBackendServiceUpdateResponse, error) {
	o, err := callerOrganization(ctx)
	if err != nil {
		return nil, err
	}
	old, err := b.server.backend(ctx, o, req.GetName())
	if err != nil {
		return nil, err
	}
	changed := old
	changed.UpdatedAt = time.Now().UTC()
	if old.Managed {
		if req.Description != nil || req.Credentials != nil || req.MaxBytes != nil || req.Fallback != nil || !req.GetDefault() {
			return nil, errManaged("changed: it can only be made the default again")
		}
		changed.Default = true
	} else if changed, err = b.change(ctx, changed, req); err != nil {
		return nil, err
	}
	if err := b.server.cfg.Store.UpdateBackend(ctx, changed, old.UpdatedAt); err != nil {
		return nil, unavailable(err)
	}
	// As it is now: whether it is the default may have been decided by what else there is.
	now, err := b.server.backend(ctx, o, changed.Name)
	if err != nil {
		return nil, err
	}
	return &controlplanev1.CASBackendServiceUpdateResponse{Result: b.server.backendItem(o, now)}, nil
}

// change applies a request to an own bucket's record.
func (b backends) change(ctx context.Context, changed registry.Backend, req *controlplanev1.CASBackendServiceUpdateRequest) (registry.Backend, error) {
	if req.Description != nil {
		changed.Description = req.GetDescription()
	}
	if req.MaxBytes != nil {
		changed.MaxBytes = req.GetMaxBytes()
	}
	if req.Default != nil {
		changed.Default = req.GetDefault()
	}
	switch {
	case req.Fallback != nil:
		changed.Fallback = req.GetFallback()
	case changed.Default:
		changed.Fallback = false // nothing takes its own place
	}
	if err := b.server.sound(changed, req.MaxBytes != nil); err != nil {
		return changed, err
	}
	if req.Credentials != nil {
		return b.server.validated(ctx, changed, changed.Bucket.Name, req.Credentials)
	}
	if req.GetDefault() && changed.Status != registry.BackendValid {
		return changed, problem.New(problem.Precondition, "the storage backend is not valid, and cannot be the default", "repair it, then cas-backend revalidate "+changed.Name)
	}
	return changed, nil
}

// Delete forgets an own bucket. Nothing in it is touched, and what is in it can no longer
// be downloaded.
func (b backends) Delete(ctx context.Context, req *controlplanev1.CASBackendServiceDeleteRequest) (*controlplanev1.CASBackendServiceDeleteResponse, error) {
	_, old, err := b.own(ctx, req.GetName(), "deleted")
	if err != nil {
		return nil, err
	}
	if err := b.server.cfg.Store.DeleteBackend(ctx, old); err != nil {
		return nil, unavailable(err)
	}
	return &controlplanev1.CASBackendServiceDeleteResponse{}, nil
}

// Revalidate uses an own bucket now, and writes down what came of it. That it is not valid
// is the answer, too (facts WIRE W25).
func (b backends) Revalidate(ctx context.Context, req *controlplanev1.CASBackendServiceRevalidateRequest) (*controlplanev1.CASBackendServiceRevalidateResponse, error) {
	o, old, err := b.own(ctx, req.GetName(), "validated by hand: the installation does that by itself")
	if err != nil {
		return nil, err
	}
	finding, err := b.server.validate(ctx, o.ID, old.Bucket)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	if err := b.server.cfg.Store.RecordValidation(ctx, old, finding, now, now.Add(b.server.cfg.OwnBuckets.Interval)); err != nil {
		return nil, unavailable(err)
	}
	if finding != "" {
		return nil, problem.New(problem.Precondition, "the storage backend is not valid: "+finding, "then cas-backend revalidate "+old.Name)
	}
	return &controlplanev1.CASBackendServiceRevalidateResponse{}, nil
}

// own returns the caller's own bucket of that name, and never the managed backend.
func (b backends) own(ctx context.Context, name, done string) (org.Organization, registry.Backend, error) {
	o, err := callerOrganization(ctx)
	if err != nil {
		return o, registry.Backend{}, err
	}
	found, err := b.server.backend(ctx, o, name)
	if err == nil && found.Managed {
		err = errManaged(done)
	}
	return o, found, err
}

func errManaged(done string) error {
	return problem.New(problem.Precondition, "the managed storage backend cannot be "+done, "the operator of the installation takes care of it")
}
