package session_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// shelf has the record of one backend.
type shelf struct {
	mu      sync.Mutex
	backend registry.Backend
	err     error
}

func (s *shelf) Backend(_ context.Context, id org.ID, backend uuid.UUID) (registry.Backend, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return registry.Backend{}, s.err
	}
	if s.backend.Org != id || s.backend.ID != backend {
		return registry.Backend{}, registry.ErrNotFound
	}
	return s.backend, nil
}

func (s *shelf) change(f func(*registry.Backend)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.backend)
}

const ownRole = "arn:aws:iam::999999999999:role/cas/x"

// own is an installation that allows own buckets by a pattern, and the backend of one.
func own(t *testing.T, c *clerk, pattern string, reuse time.Duration) (session.Own, *shelf) {
	t.Helper()
	in := installation(t)
	in.OwnBucketRoles = []string{pattern}
	s := &shelf{backend: registry.Backend{
		ID: uuid.New(), Org: org.NewID(), Status: registry.BackendValid,
		Bucket: tenancy.OwnBucket{Name: "acme-artifacts", Region: "eu-west-1", RoleARN: ownRole, ExternalID: "acmes"},
	}}
	kept, err := session.New(session.Config{Installation: in, STS: c, Secrets: honest(in), Backends: s, Reuse: reuse})
	if err != nil {
		t.Fatal(err)
	}
	return kept.Own(), s
}

// I2: a customer's role is assumed for one organization's keys, with its external id.
func TestI2_AnOwnBucketsSessionIsOneOrganizations(t *testing.T) {
	t.Parallel()
	c := &clerk{}
	o, s := own(t, c, "arn:aws:iam::*:role/cas/*", time.Minute)
	got, err := o.For(t.Context(), s.backend.Org, s.backend.ID)
	if err != nil || got.Bucket != s.backend.Bucket || got.Backend != s.backend.ID || got.Tenant.ID() != s.backend.Org {
		t.Fatalf("%+v, %v", got, err)
	}
	req, tenant := c.asked[0], installation(t).Tenant(s.backend.Org)
	if req.RoleARN != ownRole || req.ExternalID != "acmes" || req.SessionName != tenant.SessionName() || req.Policy != tenant.OwnBucketPolicy(s.backend.Bucket) || !req.Policy.Scopes() {
		t.Errorf("it was requested as %+v", req)
	}
	if again, err := o.For(t.Context(), s.backend.Org, s.backend.ID); err != nil || again.Credentials != got.Credentials || c.count() != 1 {
		t.Errorf("a second one: %v, %d were minted", err, c.count())
	}
}

// What is recorded of a bucket holds for the next request, whatever session is kept.
func TestAnOwnBucketsRecordIsReadEachTime(t *testing.T) {
	t.Parallel()
	c := &clerk{}
	o, s := own(t, c, "arn:aws:iam::*:role/cas/*", time.Minute)
	whole, other := s.backend, org.NewID()
	for what, row := range map[string]struct {
		change func(*registry.Backend)
		id     org.ID
		want   error
	}{
		"as it was":                     {func(*registry.Backend) {}, whole.Org, nil},
		"invalid":                       {func(b *registry.Backend) { b.Status = registry.BackendInvalid }, whole.Org, session.ErrBackend},
		"pending":                       {func(b *registry.Backend) { b.Status = registry.BackendPending }, whole.Org, session.ErrBackend},
		"the managed one":               {func(b *registry.Backend) { b.Managed = true }, whole.Org, session.ErrNoBackend},
		"deleted":                       {func(b *registry.Backend) { b.ID = uuid.New() }, whole.Org, session.ErrNoBackend},
		"another organization's":        {func(*registry.Backend) {}, other, session.ErrNoBackend},
		"of a role that is not allowed": {func(b *registry.Backend) { b.Bucket.RoleARN = "arn:aws:iam::999999999999:role/x" }, whole.Org, session.ErrBackend},
		"of the installation's bucket":  {func(b *registry.Backend) { b.Bucket.Name = "cas-prod" }, whole.Org, session.ErrBackend},
	} {
		s.change(func(b *registry.Backend) { *b = whole })
		if _, err := o.For(t.Context(), whole.Org, whole.ID); err != nil {
			t.Fatal(err)
		}
		minted := c.count()
		s.change(row.change)
		if _, err := o.For(t.Context(), row.id, whole.ID); !errors.Is(err, row.want) {
			t.Errorf("%s: %v, want %v", what, err, row.want)
		}
		if c.count() != minted {
			t.Errorf("%s: STS was asked", what)
		}
	}
	s.err = errors.New("the database is away")
	if _, err := o.For(t.Context(), whole.Org, whole.ID); !errors.Is(err, registry.ErrUnavailable) {
		t.Errorf("without a database: %v", err)
	}
	if _, err := o.For(t.Context(), whole.Org, uuid.Nil); !errors.Is(err, session.ErrNoBackend) {
		t.Errorf("no backend: %v", err)
	}
	s.err = nil
	off, s := own(t, c, "arn:aws:iam::*:role/others/*", time.Minute)
	if _, err := off.For(t.Context(), s.backend.Org, s.backend.ID); !errors.Is(err, session.ErrBackend) {
		t.Errorf("what the operator does not allow any more: %v", err)
	}
}

// A session that STS was asked for before the role was changed is nobody's who comes
// afterwards.
func TestAnOwnBucketsChangeIsNotOvertaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &clerk{delay: 2 * time.Second}
		o, s := own(t, c, "arn:aws:iam::*:role/cas/*", time.Minute)
		id, backend := s.backend.Org, s.backend.ID
		var before sync.WaitGroup
		before.Go(func() {
			if _, err := o.For(t.Context(), id, backend); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait() // STS has been asked
		s.change(func(b *registry.Backend) { b.Bucket.RoleARN = "arn:aws:iam::999999999999:role/cas/y" })
		got, err := o.For(t.Context(), id, backend)
		if err != nil || got.Bucket.RoleARN != "arn:aws:iam::999999999999:role/cas/y" {
			t.Errorf("%s, %v", got.Bucket.RoleARN, err)
		}
		before.Wait()
	})
}

// That a customer's role lets nobody in is the customer's to repair; that STS is away is not.
func TestWhoseFaultADeniedRoleIs(t *testing.T) {
	t.Parallel()
	for refuse, theirs := range map[error]bool{cloud.ErrDenied: true, cloud.ErrUnavailable: false, cloud.ErrThrottled: false} {
		o, s := own(t, &clerk{refuse: refuse}, "arn:aws:iam::*:role/cas/*", time.Minute)
		if _, err := o.For(t.Context(), s.backend.Org, s.backend.ID); !errors.Is(err, refuse) || errors.Is(err, session.ErrBackend) != theirs {
			t.Errorf("%v: %v", refuse, err)
		}
	}
}
