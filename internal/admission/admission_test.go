package admission_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/managedcas/managedcas/internal/admission"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
)

func admit(t *testing.T, limits admission.Limits) *admission.Admission {
	t.Helper()
	a, err := admission.New(limits)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func enter(t *testing.T, a *admission.Admission, id org.ID) *admission.Place {
	t.Helper()
	p, err := a.Enter(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// refused checks whose turn a refusal says it is, and that it says when (I12).
func refused(t *testing.T, err error, reason string) {
	t.Helper()
	p := problem.From(err)
	if err == nil || p.Kind() != problem.Unavailable || p.Reason() != reason || p.RetryAfter() <= 0 || p.Hint() == "" {
		t.Errorf("%v, want Unavailable for %s with a hint", err, reason)
	}
}

// W19: 64 clients of one organization that never pause, and one of another. The one is
// served as if it were alone: it waits for at most one transfer to end.
func TestOneOrganizationDoesNotStarveAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const transfer = time.Second
		// Even where one organization may take every place.
		a := admit(t, admission.Limits{Transfers: 16, PerOrganization: 16, Waiting: 64, Wait: time.Hour})
		crowd, single := org.NewID(), org.NewID()
		over, stop := context.WithCancel(t.Context())
		var clients sync.WaitGroup
		for range 64 {
			clients.Go(func() {
				for over.Err() == nil {
					if p, err := a.Enter(over, crowd); err == nil {
						time.Sleep(transfer)
						p.Leave()
					}
				}
			})
		}
		synctest.Wait()
		began := time.Now()
		for range 20 {
			p := enter(t, a, single)
			time.Sleep(transfer)
			p.Leave()
		}
		if took := time.Since(began); took > 20*2*transfer {
			t.Errorf("twenty transfers of one second took %s", took)
		}
		stop()
		clients.Wait()
	})
}

// Both limits, on both sides, and that a place that was given back is one.
func TestLimits(t *testing.T) {
	t.Parallel()
	a := admit(t, admission.Limits{Transfers: 3, PerOrganization: 2})
	one, other := org.NewID(), org.NewID()
	first, second := enter(t, a, one), enter(t, a, one)
	_, err := a.Enter(t.Context(), one)
	refused(t, err, admission.ReasonOrganization)
	third := enter(t, a, other)
	_, err = a.Enter(t.Context(), other)
	refused(t, err, admission.ReasonServer)
	first.Leave()
	first.Leave() // counts once
	enter(t, a, other).Leave()
	fourth := enter(t, a, one)
	_, err = a.Enter(t.Context(), one)
	refused(t, err, admission.ReasonOrganization)
	for _, p := range []*admission.Place{second, third, fourth} {
		p.Leave()
	}
}

func TestWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := admit(t, admission.Limits{Transfers: 1, PerOrganization: 1, Waiting: 1, Wait: 3 * time.Second})
		id := org.NewID()
		place := enter(t, a, id)
		began := time.Now()
		ended := make(chan error, 1)
		go func() { _, err := a.Enter(t.Context(), id); ended <- err }()
		synctest.Wait()
		_, err := a.Enter(t.Context(), id)
		refused(t, err, admission.ReasonOrganization) // nobody waits behind the one who may
		refused(t, <-ended, admission.ReasonOrganization)
		if waited := time.Since(began); waited != 3*time.Second {
			t.Errorf("it waited %s, want 3s", waited)
		}

		gone := errors.New("the client went away")
		ctx, leave := context.WithCancelCause(t.Context())
		go func() { _, err := a.Enter(ctx, id); ended <- err }()
		synctest.Wait()
		leave(gone)
		if err := <-ended; !errors.Is(err, gone) {
			t.Errorf("error %v", err)
		}
		go func() { p, err := a.Enter(t.Context(), id); p.Leave(); ended <- err }()
		synctest.Wait()
		place.Leave()
		if err := <-ended; err != nil {
			t.Errorf("a place became free: %v", err)
		}
	})
}

func TestMemory(t *testing.T) {
	t.Parallel()
	var heap uint64 = 1000
	a := admit(t, admission.Limits{Transfers: 1, PerOrganization: 1, MemoryBytes: 1000, Heap: func() uint64 { return heap }})
	enter(t, a, org.NewID()).Leave()
	heap++
	_, err := a.Enter(t.Context(), org.NewID())
	refused(t, err, admission.ReasonMemory)

	whole := admit(t, admission.Limits{Transfers: 1, PerOrganization: 1, MemoryBytes: 1})
	_, err = whole.Enter(t.Context(), org.NewID())
	refused(t, err, admission.ReasonMemory)
}

func TestBandwidth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const perSecond = admission.MinBytesPerSecond
		a := admit(t, admission.Limits{Transfers: 9, PerOrganization: 9, BytesPerSecond: perSecond})
		busy, other := org.NewID(), org.NewID()
		began := time.Now()
		var transfers sync.WaitGroup
		for range 4 {
			transfers.Go(func() {
				p := enter(t, a, busy)
				defer p.Leave()
				if err := p.Spend(t.Context(), 2*perSecond); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		p := enter(t, a, other)
		if err := p.Spend(t.Context(), perSecond); err != nil || time.Since(began) > 0 {
			t.Errorf("another organization waited %s, %v", time.Since(began), err)
		}
		p.Leave()
		transfers.Wait()
		if took := time.Since(began); took != 7*time.Second { // one second's worth is there
			t.Errorf("8 s worth of bytes took %s", took)
		}
		// The bucket is the organization's, not the transfer's: a new one finds it empty.
		p = enter(t, a, busy)
		defer p.Leave()
		if err := p.Spend(t.Context(), perSecond); err != nil || time.Since(began) != 8*time.Second {
			t.Errorf("after %s, %v", time.Since(began), err)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		if err := p.Spend(short, perSecond); problem.KindOf(err) != problem.Deadline {
			t.Errorf("no time for it: %v", err)
		}
	})
}

func TestDrain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := admit(t, admission.Limits{Transfers: 1, PerOrganization: 1, Waiting: 9, Wait: time.Hour})
		id := org.NewID()
		place := enter(t, a, id)
		if err := a.Open(); err != nil {
			t.Error(err)
		}
		waiting := make(chan error, 1)
		go func() { _, err := a.Enter(t.Context(), id); waiting <- err }()
		synctest.Wait()
		idle := a.Drain()
		refused(t, <-waiting, admission.ReasonDraining)
		_, err := a.Enter(t.Context(), org.NewID())
		refused(t, err, admission.ReasonDraining)
		if a.Open() == nil {
			t.Error("it is said to be open")
		}
		select {
		case <-idle:
			t.Error("a transfer is left")
		default:
		}
		place.Leave()
		<-idle
		<-a.Drain()
	})
}

func TestLimitsOfLimits(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		limits admission.Limits
		ok     bool
	}{
		{admission.Limits{Transfers: 1, PerOrganization: 1}, true},
		{admission.Limits{PerOrganization: 1}, false},
		{admission.Limits{Transfers: 1}, false},
		{admission.Limits{Transfers: 1, PerOrganization: 1, Waiting: -1}, false},
		{admission.Limits{Transfers: 1, PerOrganization: 1, Wait: -1}, false},
		{admission.Limits{Transfers: 1, PerOrganization: 1, BytesPerSecond: admission.MinBytesPerSecond}, true},
		{admission.Limits{Transfers: 1, PerOrganization: 1, BytesPerSecond: admission.MinBytesPerSecond - 1}, false},
		{admission.Limits{Transfers: 1, PerOrganization: 1, BytesPerSecond: 1 << 31}, false},
	} {
		if _, err := admission.New(tc.limits); (err == nil) != tc.ok {
			t.Errorf("%+v: %v", tc.limits, err)
		}
	}
}
