package cas_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/test/rig"
)

// sick is a ledger on a database that takes some things no longer.
type sick struct {
	cas.Ledger
	takes    atomic.Int64
	noClaims bool
	claimed  func()
}

var errFull = errors.New("database or disk is full")

func (s *sick) TakeUpload(ctx context.Context, u registry.Upload, now, expires time.Time) error {
	s.takes.Add(1)
	if s.noClaims {
		return errFull
	}
	defer s.claimed()
	return s.Ledger.TakeUpload(ctx, u, now, expires)
}

func (s *sick) DeleteUpload(context.Context, registry.Upload) error { return errFull }

// nobody has no organization.
type nobody struct{}

func (nobody) For(context.Context, org.ID) (session.Session, error) {
	return session.Session{}, registry.ErrNotFound
}
func (nobody) Drop(org.ID, session.Credentials) {}

// A sweep ends, and says in a few lines what was wrong, when the database takes no claim,
// and when every claim has run out before the sweep has: no upload is tried twice in one.
func TestSweepsEnd(t *testing.T) {
	t.Parallel()
	for _, noClaims := range []bool{true, false} {
		r := rig.New(t, small())
		id, c := r.Org(t), &clock{now: time.Now()}
		const abandoned = 130 // more than a sweep looks at in one go
		for range abandoned {
			name := uuid.New()
			if err := r.DB.CreateUpload(t.Context(), registry.Upload{
				ID: name, Org: id, Digest: digestOf("x"), Name: name, StorageID: "s3", Generation: 1,
				CreatedAt: c.now, UpdatedAt: c.now, ExpiresAt: c.now,
			}, 1); err != nil {
				t.Fatal(err)
			}
		}
		ledger := &sick{Ledger: r.DB, noClaims: noClaims, claimed: func() { c.pass(6 * time.Minute) }}
		store, err := cas.New(cas.Config{Ledger: ledger, Sessions: nobody{}, Now: c.read})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err = store.Sweep(ctx)
		if !errors.Is(err, errFull) || ctx.Err() != nil {
			t.Fatalf("no claims %t: %v", noClaims, err)
		}
		if n := len(err.Error()); n > 4096 {
			t.Errorf("no claims %t: an error of %d bytes", noClaims, n)
		}
		want := int64(abandoned)
		if noClaims {
			want = 100
		}
		if n := ledger.takes.Load(); n != want {
			t.Errorf("no claims %t: %d tries, want %d", noClaims, n, want)
		}
	}
}

// Aborts that hang do not wait for each other: together they would outlast the claims.
func TestSweepsAbortSideBySide(t *testing.T) {
	t.Parallel()
	second := make(chan struct{})
	var aborts atomic.Int64
	c, options := &clock{now: time.Now()}, small()
	options.Now = c.read
	options.Wire = func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodDelete && aborts.Add(1) == 2 {
				close(second)
			}
			if r.Method == http.MethodDelete {
				select {
				case <-second:
				case <-r.Context().Done():
					t.Error("one abort waited for the other")
					return nil, r.Context().Err()
				}
			}
			return next.RoundTrip(r)
		})
	}
	r := rig.New(t, options)
	ref := cas.Ref{Org: r.Org(t), Digest: digestOf("y")}
	begin(t, r.Store, ref, 1)
	begin(t, r.Store, ref, 1)
	c.pass(25 * time.Hour)
	if err := r.Store.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
	if left := r.Uploads(t); len(left) > 0 {
		t.Errorf("unfinished uploads: %q", left)
	}
}
