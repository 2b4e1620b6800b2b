package session

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/org"
)

const (
	// renewRetry is the time between two attempts to renew a session that is still good.
	renewRetry = 30 * time.Second
	// denialMemory is the time between two sessions that are dropped because AWS denies
	// them. When an organization's access point is broken, each of its sessions is denied:
	// a fresh one per request would be one AssumeRole per request, out of the account's
	// quota, which all organizations share.
	denialMemory = 10 * time.Second
	// refusalMemory is how long an AssumeRole that was denied is not tried again. A policy
	// that was just created takes some seconds to be known (facts AWS §5).
	refusalMemory = time.Second
)

// kept is a session on its way through the cache.
type kept struct {
	session Session
	renew   time.Time // from then on a request has it renewed, and goes on with this one
	until   time.Time // from then on it is not handed out
}

// keep stores the session for Reuse. It is renewed when four fifths of that are over,
// less up to a tenth: sessions that were minted together, after a restart for instance,
// are not renewed together.
func (s *Sessions) keep(at place, session Session) {
	now, reuse := time.Now(), s.cfg.Reuse
	k := kept{session: session, until: now.Add(reuse)}
	if latest := session.Credentials.Expires.Add(-5 * time.Minute); latest.Before(k.until) {
		k.until, reuse = latest, latest.Sub(now)
	}
	jitter := time.Duration(rand.Int64N(max(int64(reuse)/10, 0) + 1))
	k.renew = now.Add(reuse*4/5 - jitter)
	s.changing.Lock()
	defer s.changing.Unlock()
	s.cache.Add(at, k)
}

// kept returns the organization's session if it may still be handed out, and has it
// renewed in the background when it is time: no request waits for STS while one is kept.
func (s *Sessions) kept(ctx context.Context, at place) (Session, bool) {
	k, ok := s.cache.Get(at)
	now := time.Now()
	if !ok || !now.Before(k.until) {
		return Session{}, false
	}
	if !now.Before(k.renew) && s.postpone(at, k, now.Add(renewRetry)) {
		s.stats.renewals.Add(1)
		s.shared(ctx, at)
	}
	s.stats.hits.Add(1)
	return k.session, true
}

// postpone has the next renewal tried at a later time, unless somebody has just changed
// what is kept: whoever else comes by does not renew as well.
func (s *Sessions) postpone(at place, k kept, renew time.Time) bool {
	s.changing.Lock()
	defer s.changing.Unlock()
	if now, ok := s.cache.Peek(at); !ok || !now.renew.Equal(k.renew) || now.session.Credentials != k.session.Credentials {
		return false
	}
	k.renew = renew
	s.cache.Add(at, k)
	return true
}

// Drop forgets the organization's session if it is still the one with these
// credentials: call it when AWS says that they have expired or are denied. Of sessions
// that are denied one after the other, one in denialMemory is dropped.
func (s *Sessions) Drop(id org.ID, used Credentials) { s.drop(place{org: id}, used) }

func (s *Sessions) drop(at place, used Credentials) {
	s.changing.Lock()
	defer s.changing.Unlock()
	k, ok := s.cache.Peek(at)
	if !ok || k.session.Credentials.AccessKeyID != used.AccessKeyID {
		return
	}
	if last, ok := s.dropped.Get(at); ok && time.Since(last) < denialMemory {
		s.stats.withheld.Add(1)
		return
	}
	s.dropped.Add(at, time.Now())
	s.cache.Remove(at)
	s.stats.drops.Add(1)
}

// refusal is an AssumeRole that AWS denied.
type refusal struct {
	err error
	at  time.Time
}

// refused returns the denial that is too fresh to be asked about again.
func (s *Sessions) refused(at place) error {
	if r, ok := s.refusals.Get(at); ok && time.Since(r.at) < refusalMemory {
		s.stats.withheld.Add(1)
		return r.err
	}
	return nil
}

// remember keeps denials, and session policies that are not there (yet): anything else
// may be over by the next request.
func (s *Sessions) remember(at place, err error) {
	if errors.Is(err, cloud.ErrDenied) || errors.Is(err, cloud.ErrMalformedPolicy) {
		s.refusals.Add(at, refusal{err, time.Now()})
	}
}
