package auditlog

import (
	"context"
	"maps"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/audit"
)

// counted are refusals that share a record.
type counted struct {
	most   int // of sources that have one of their own
	listed int // of refusals of somebody who is known

	mu      sync.Mutex
	tallies map[key]*tally
	known   map[knownKey]int
}

// knownKey is somebody whose token was good.
type knownKey struct {
	chain   audit.Chain
	subject string
}

// lists reports whether a refusal of somebody who is known has a record of its own.
func (c *counted) lists(e audit.Event) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	of := knownKey{e.Chain, e.Subject}
	c.known[of]++
	return c.known[of] <= c.listed
}

// key says which refusals are alike. Actions, outcomes and reasons are ours, chains those
// of tokens that were good: only the source is a stranger's choice, and it is left out
// when there are too many.
type key struct {
	chain           audit.Chain
	action, reason  string
	kind            audit.Kind
	subject, source string
}

type tally struct {
	first audit.Event
	last  time.Time
	count int64
}

func (c *counted) add(e audit.Event) {
	of := key{chain: e.Chain, action: e.Action, reason: e.Reason, kind: e.Kind, subject: e.Subject, source: source(e.RemoteIP)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tallies[of] == nil && len(c.tallies) >= c.most {
		// One of many: what only one of them said says nothing of the others.
		of.source, of.subject = "", ""
		e.RemoteIP, e.UserAgent, e.RequestID, e.Object, e.Subject, e.Details = "", "", "", "", "", nil
	}
	t := c.tallies[of]
	if t == nil {
		t = &tally{first: e}
		c.tallies[of] = t
	}
	t.count++
	t.last = e.Time
}

// take returns what was counted, and begins anew.
func (c *counted) take() map[key]*tally {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.tallies
	c.tallies, c.known = map[key]*tally{}, map[knownKey]int{}
	return taken
}

// giveBack has a count go on that found no place.
func (c *counted) giveBack(of key, t *tally) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if since := c.tallies[of]; since != nil {
		t.count, t.last = t.count+since.count, since.last
	}
	c.tallies[of] = t
}

func (t *tally) event() audit.Event {
	e := t.first
	if t.count > 1 {
		details := maps.Clone(e.Details)
		if details == nil {
			details = map[string]string{}
		}
		details[audit.DetailCount], details[audit.DetailSince] = strconv.FormatInt(t.count, 10), e.Time.Format(time.RFC3339Nano)
		e.ID, e.Time, e.Details = uuid.Nil, t.last, details
	}
	return audit.New(e)
}

// source is whom an address stands for: of IPv6, who has one address has as many as a /64
// has.
func source(ip string) string {
	at, err := netip.ParseAddr(ip)
	if err != nil || at.Is4() {
		return ip
	}
	network, err := at.Prefix(64)
	if err != nil {
		return ip
	}
	return network.String()
}

// flushEvery writes what was counted after every window, until ctx ends.
func (l *Log) flushEvery(ctx context.Context) {
	window := time.NewTicker(l.cfg.Window)
	defer window.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-window.C:
			l.flush()
		}
	}
}

func (l *Log) flush() {
	for of, t := range l.counts.take() {
		if !l.push(t.event()) {
			l.counts.giveBack(of, t)
		}
	}
}
