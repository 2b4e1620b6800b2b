// Package casgate stands in front of the artifact servers, gRPC and HTTP alike: it asks
// for the token before it takes a byte, has the transfer admitted, keeps its pace, and
// counts it. What a transfer does inside is the servers' own.
package casgate

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/managedcas/managedcas/internal/admission"
	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/auditlog"
	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/problem"
)

// Tokens verifies CAS tokens.
type Tokens interface {
	// Grant returns what token allows, or a problem of kind Unauthenticated.
	Grant(ctx context.Context, token string) (cas.Grant, error)
}

// Config is what New needs. Every field but the last is required.
type Config struct {
	Tokens    Tokens
	Admission *admission.Admission
	Pace      Pace
	Metrics   *Metrics
	// Audit records every transfer, and what was refused.
	Audit *auditlog.Log
	// Tracing makes a span of every transfer; nil makes none.
	Tracing trace.TracerProvider
}

// Gate is Tokens for the servers behind it: a transfer is admitted when its token turns
// out to be good, and leaves when its request is over.
type Gate struct {
	cfg     Config
	closing context.Context
	close   context.CancelCauseFunc
}

// New returns a Gate.
func New(cfg Config) *Gate {
	closing, closeAll := context.WithCancelCause(context.Background())
	return &Gate{cfg: cfg, closing: closing, close: closeAll}
}

// Drain refuses what comes from now on and waits until what is there has ended, or ctx
// has: what is left then is ended with a problem that says to try again.
func (g *Gate) Drain(ctx context.Context) {
	select {
	case <-g.cfg.Admission.Drain():
	case <-ctx.Done():
		g.close(admission.ErrDraining())
	}
}

// Grant verifies token for the request of ctx and has its transfer admitted. Asked
// again with the same token, it answers from memory.
func (g *Gate) Grant(ctx context.Context, token string) (cas.Grant, error) {
	v, ok := ctx.Value(visitKey{}).(*visit)
	if !ok {
		return cas.Grant{}, fmt.Errorf("a request came past the gate")
	}
	v.entering.Lock()
	defer v.entering.Unlock()
	if v.place != nil && v.token == token {
		return v.grant, nil
	}
	grant, err := g.cfg.Tokens.Grant(ctx, token)
	if err != nil {
		v.refused = err
		return cas.Grant{}, err
	}
	if v.place != nil {
		return cas.Grant{}, fmt.Errorf("a request has two tokens")
	}
	place, err := g.cfg.Admission.Enter(ctx, grant.Org)
	if err != nil {
		v.grant = grant
		if ctx.Err() == nil {
			v.refused = err
			g.cfg.Metrics.refused(problem.From(err).Reason())
		}
		return cas.Grant{}, err
	}
	// A transfer that could not be recorded does not begin.
	if v.record, err = g.cfg.Audit.Reserve(audit.Of(grant.Org)); err != nil {
		place.Leave()
		g.cfg.Metrics.refused(problem.From(err).Reason())
		return cas.Grant{}, err
	}
	v.token, v.grant, v.place = token, grant, place
	v.entered = time.Now()
	g.cfg.Metrics.inFlight.WithLabelValues(v.kind).Inc()
	return grant, nil
}

// visit is one request between its first and its last byte.
type visit struct {
	gate     *Gate
	kind     string // upload, download, describe
	protocol string

	entering sync.Mutex
	token    string
	grant    cas.Grant
	entered  time.Time
	place    *admission.Place // nil until it is admitted

	origin  audit.Origin
	record  *auditlog.Place // nil until it is admitted
	refused error           // why it was not
	noted   noted

	pace pacer
	span trace.Span // nil: nobody listens
}

type visitKey struct{}

// begin starts a visit. Its context ends when the transfer has had its time or the
// server has none left; context.Cause then is the problem that says so.
func (g *Gate) begin(ctx context.Context, protocol, kind string, origin audit.Origin) (context.Context, *visit, func(outcome string)) {
	v := &visit{gate: g, kind: kind, protocol: protocol, origin: origin, pace: g.cfg.Pace.start()}
	ctx = v.startSpan(ctx)
	ctx, endTime := context.WithTimeoutCause(context.WithValue(ctx, visitKey{}, v), g.cfg.Pace.Longest, g.cfg.Pace.tooLong())
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(g.closing, func() { cancel(context.Cause(g.closing)) })
	return ctx, v, func(outcome string) {
		stop()
		cancel(nil)
		endTime()
		v.entering.Lock()
		defer v.entering.Unlock()
		v.audit(outcome)
		if v.place != nil {
			v.place.Leave()
			g.cfg.Metrics.inFlight.WithLabelValues(v.kind).Dec()
		}
		g.cfg.Metrics.ended(v, outcome)
		v.endSpan(outcome)
	}
}

// moved is told of every n bytes, and how long the client kept the server waiting for
// them. It waits until the organization may have moved them.
func (v *visit) moved(ctx context.Context, n int, waited time.Duration) error {
	if err := v.pace.moved(n, waited); err != nil {
		return err
	}
	if n == 0 || v.place == nil {
		return nil
	}
	v.noted.bytes.Add(int64(n))
	v.gate.cfg.Metrics.bytes.WithLabelValues(v.kind).Add(float64(n))
	return v.place.Spend(ctx, n)
}

// cut returns the problem that ended ctx before its request was over, if one did.
func cut(ctx context.Context) error {
	if p, ok := context.Cause(ctx).(*problem.Problem); ok { //nolint:errorlint // begin sets it as it is
		return p
	}
	return nil
}
