package session_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// An organization that is busy all day never waits for STS after its first request, and
// the secret is read once per session, not once per request.
func TestWarmRequestsDoNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var reads atomic.Int64
		in := installation(t)
		c := &clerk{delay: 2 * time.Second}
		s := sessions(t, c, cabinet(func(id org.ID) (tenancy.Coordinates, error) {
			reads.Add(1)
			return in.Tenant(id).Coordinates(), nil
		}), 10*time.Minute)
		id := org.NewID()
		if _, err := s.For(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		for range 24 * 60 * 6 {
			began := time.Now()
			got, err := s.For(t.Context(), id)
			if err != nil || time.Since(began) > 0 {
				t.Fatalf("a warm request waited %s, %v", time.Since(began), err)
			}
			if left := time.Until(got.Credentials.Expires); left < session.Lifetime-10*time.Minute {
				t.Fatalf("a session with %s left was handed out", left)
			}
			time.Sleep(10 * time.Second)
		}
		synctest.Wait()
		// A day has 144 times ten minutes; renewal begins at 7 to 8.
		if n := int64(c.count()); n < 170 || n > 210 || reads.Load() != n {
			t.Errorf("%d sessions and %d reads of the secret in a day", n, reads.Load())
		}
	})
}

// While STS is away the kept session serves until its time is over, and STS is asked
// now and then, not for every request.
func TestRenewalMayFail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &clerk{}
		s := sessions(t, c, honest(installation(t)), 10*time.Minute)
		id := org.NewID()
		if _, err := s.For(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		c.mu.Lock()
		c.refuse = cloud.ErrUnavailable
		c.mu.Unlock()
		for range 599 {
			time.Sleep(time.Second)
			if _, err := s.For(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if n := c.count() - 1; n < 4 || n > 7 {
			t.Errorf("%d attempts to renew in two to three minutes, want one in thirty seconds", n)
		}
		time.Sleep(time.Second)
		if _, err := s.For(t.Context(), id); !errors.Is(err, cloud.ErrUnavailable) {
			t.Errorf("after its time: %v", err)
		}
	})
}

// An organization whose sessions are all denied costs one AssumeRole in ten seconds; one
// whose session was denied once, for its role was made anew, has a fresh one at once.
func TestDenialsAreNoStorm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &clerk{}
		s := sessions(t, c, honest(installation(t)), 15*time.Minute)
		id := org.NewID()
		denied := func() session.Credentials {
			got, err := s.For(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			s.Drop(id, got.Credentials)
			return got.Credentials
		}
		if first := denied(); denied().AccessKeyID == first.AccessKeyID {
			t.Error("the first denial did not help to a fresh session")
		}
		for range 600 {
			time.Sleep(100 * time.Millisecond)
			denied()
		}
		if n := c.count(); n > 2+6 {
			t.Errorf("%d sessions in a minute of denials", n)
		}
		if got := s.Stats(); got.Mints != int64(c.count()) || got.Withheld == 0 || got.Drops == 0 {
			t.Errorf("counted %+v, %d were minted", got, c.count())
		}
	})
}

// AssumeRole that is denied is asked again after a second, not by every request.
func TestRefusalsAreRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &clerk{refuse: fmt.Errorf("assuming: %w", cloud.ErrDenied)}
		s := sessions(t, c, honest(installation(t)), time.Minute)
		id := org.NewID()
		for range 50 {
			if _, err := s.For(t.Context(), id); !errors.Is(err, cloud.ErrDenied) {
				t.Fatalf("error %v", err)
			}
		}
		if c.count() != 1 {
			t.Errorf("%d calls, want 1", c.count())
		}
		if _, err := s.For(t.Context(), org.NewID()); err == nil || c.count() != 2 {
			t.Errorf("another organization: %v, %d calls", err, c.count())
		}
		time.Sleep(time.Second)
		c.refuse = nil
		if _, err := s.For(context.WithoutCancel(t.Context()), id); err != nil {
			t.Errorf("a second later: %v", err)
		}
	})
}

// The cache is bounded: the organization that was away longest pays with an AssumeRole.
func TestTheCacheIsBounded(t *testing.T) {
	t.Parallel()
	c := &clerk{}
	in := installation(t)
	s, err := session.New(session.Config{Installation: in, STS: c, Secrets: honest(in), Reuse: time.Minute, MaxCached: 2})
	if err != nil {
		t.Fatal(err)
	}
	ids := []org.ID{org.NewID(), org.NewID(), org.NewID()}
	for _, step := range []struct{ id, minted int }{{0, 1}, {1, 2}, {0, 2}, {2, 3}, {0, 3}, {1, 4}} {
		if _, err := s.For(t.Context(), ids[step.id]); err != nil || c.count() != step.minted {
			t.Errorf("organization %d: %d sessions, want %d; %v", step.id, c.count(), step.minted, err)
		}
	}
}
