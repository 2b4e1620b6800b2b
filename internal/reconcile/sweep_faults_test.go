package reconcile_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"

	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/emulator/faults"
	"github.com/managedcas/managedcas/internal/org"
)

// fault is one thing that goes wrong with one call, of AWS or of the database.
type fault struct {
	name  string
	kind  faultKind
	after bool // the effect has happened
}

type faultKind int

const (
	throttled faultKind = iota + 1 // or, by the database: overtaken by another transaction
	failing                        // 500, or the database cannot read its disk
	silent                         // no answer comes until the time is over
	cutting                        // the connection is cut
	killing                        // the process ends here
)

// sweepFaults is what every call meets, one after the other.
var sweepFaults = []fault{
	{"throttle", throttled, false},
	{"500", failing, false},
	{"timeout before the effect", silent, false},
	{"timeout after the effect", silent, true},
	{"cut before the effect", cutting, false},
	{"cut after the effect", cutting, true},
	{"killed before the effect", killing, false},
	{"killed after the effect", killing, true},
}

// refusals are the fault's answers: of AWS, and of PostgreSQL (its documentation, appendix
// A: serialization_failure, io_error).
var refusals = map[faultKind]struct {
	aws      faults.Kind
	postgres string
}{
	throttled: {faults.Throttle, "40001"},
	failing:   {faults.Failure, "58030"},
}

// script counts the calls of one process and has one of them go wrong.
type script struct {
	mu      sync.Mutex
	playing bool
	at      int // from 1; 0: nothing goes wrong
	fault   fault
	calls   []call
	hit     bool
	first   func() // is called before the first call goes out
}

// call is one of AWS or of the database.
type call struct {
	to   string // "aws" or "database"
	what string
}

func (c call) String() string { return c.to + ": " + c.what }

// play counts from here on; the call at, from 1, meets the fault.
func (s *script) play(at int, f fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.playing, s.at, s.fault, s.calls, s.hit = true, at, f, nil, false
}

// stop returns the calls since play, and whether one of them met the fault.
func (s *script) stop() ([]call, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.playing = false
	return s.calls, s.hit
}

// meet counts a call, and returns what it meets.
func (s *script) meet(c call) (fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.playing {
		return fault{}, false
	}
	if s.calls = append(s.calls, c); len(s.calls) == 1 && s.first != nil {
		s.first()
	}
	if len(s.calls) != s.at {
		return fault{}, false
	}
	s.hit = true
	return s.fault, true
}

// RoundTrip is the process's way to AWS.
func (p *process) RoundTrip(r *http.Request) (*http.Response, error) {
	if p.dead.Load() {
		return nil, errInterrupted
	}
	if r.Header.Get("Authorization") == p.w.access.AuthorizationToken { // the node's agent, which is not AWS
		return p.w.network.RoundTrip(r)
	}
	r, f, due := p.meetAWS(r)
	if !due {
		return p.w.network.RoundTrip(r)
	}
	if refusal, ok := refusals[f.kind]; ok {
		set := p.w.aws.Faults()
		if err := set.Replace(faults.Plan{Rules: []faults.Rule{{Kind: refusal.aws, Count: 1}}}); err != nil {
			return nil, err
		}
		defer func() { _ = set.Replace(faults.Plan{}) }()
		return p.w.network.RoundTrip(r)
	}
	if f.after {
		if response, err := p.w.network.RoundTrip(r); err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
		}
	}
	switch f.kind {
	case silent:
		p.ctx.end(context.DeadlineExceeded)
		<-r.Context().Done()
		return nil, r.Context().Err()
	case killing:
		p.kill()
		return nil, errInterrupted
	}
	return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
}

// meetAWS counts a request, whose body it reads and gives back.
func (p *process) meetAWS(r *http.Request) (*http.Request, fault, bool) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	if !p.about.IsZero() && !speaksOf(r.URL.String()+string(body), p.about) {
		return r, fault{}, false
	}
	what := r.Method + " " + varying.ReplaceAllString(r.URL.Path, "…")
	if form, err := url.ParseQuery(string(body)); err == nil && form.Has("Action") {
		what = form.Get("Action")
	}
	f, due := p.script.meet(call{"aws", what})
	return r, f, due
}

// judge is what the process's way to the database asks.
func (p *process) judge(e databasetest.Exchange) databasetest.Fate {
	if p.gate != nil && strings.Contains(e.Statement, "JobGetAvailable") {
		p.gate.pass()
	}
	if !p.concerns(e) {
		return databasetest.Fate{}
	}
	what := fmt.Sprintf("%.70s", varying.ReplaceAllString(strings.ReplaceAll(e.Statement, "\n", " "), "…"))
	f, due := p.script.meet(call{"database", what})
	if !due {
		return databasetest.Fate{}
	}
	fate := databasetest.Fate{Refused: refusals[f.kind].postgres, Lost: true, Effect: f.after}
	switch f.kind {
	case silent:
		fate.Hang, fate.Then = true, func() { p.ctx.end(context.DeadlineExceeded) }
	case killing:
		fate.Then = p.kill
	}
	return fate
}

// concerns reports whether a statement counts: everything does, or, where a process works
// by itself, the statements about one organization and those in the same transaction.
func (p *process) concerns(e databasetest.Exchange) bool {
	if p.about.IsZero() {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if strings.HasPrefix(e.Statement, "begin") {
		p.within[e.Connection] = false
	}
	mentioned := e.Mentions(p.about.String())
	before, transaction := p.within[e.Connection]
	if transaction {
		p.within[e.Connection] = before || mentioned
	}
	if e.Statement == "commit" || e.Statement == "rollback" {
		delete(p.within, e.Connection)
	}
	return before || mentioned
}

// speaksOf reports whether a text has an organization's id in it, in either form.
func speaksOf(text string, id org.ID) bool {
	return strings.Contains(text, id.String()) || strings.Contains(text, id.Compact())
}

// ending is a context that ends when it is told to, and with which error.
type ending struct {
	context.Context
	done chan struct{}
	mu   sync.Mutex
	err  error
}

func newEnding(ctx context.Context) *ending { return &ending{Context: ctx, done: make(chan struct{})} }

func (e *ending) end(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err == nil {
		e.err = err
		close(e.done)
	}
}

func (e *ending) Done() <-chan struct{} { return e.done }

func (e *ending) Err() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}
