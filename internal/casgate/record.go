package casgate

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/problem"
)

// requestIDKey names the request in its answer and in its record.
const requestIDKey = "managedcas-request-id"

func fromGRPC(ctx context.Context) audit.Origin {
	origin := audit.Origin{RequestID: uuid.NewString()}
	if p, ok := peer.FromContext(ctx); ok {
		origin.RemoteIP = audit.Address(p.Addr.String())
	}
	if agents := metadata.ValueFromIncomingContext(ctx, "user-agent"); len(agents) > 0 {
		origin.UserAgent = agents[0]
	}
	return origin
}

func fromHTTP(r *http.Request) audit.Origin {
	return audit.Origin{RemoteIP: audit.Address(r.RemoteAddr), UserAgent: r.UserAgent(), RequestID: uuid.NewString()}
}

// noted is what is known of a request for its record.
type noted struct {
	bytes atomic.Int64

	mu                       sync.Mutex
	object                   string // as it was asked for, until its store says what it was
	reason                   string
	cancels, signs, confirms bool
	details                  map[string]string
}

// note has what a store knows of the request of ctx noted; outside of one, nobody asks.
func note(ctx context.Context, ref cas.Ref, of func(*noted)) {
	v, ok := ctx.Value(visitKey{}).(*visit)
	if !ok {
		return
	}
	v.noted.mu.Lock()
	defer v.noted.mu.Unlock()
	v.noted.object = "artifact/" + ref.Digest.String()
	of(&v.noted)
}

func (n *noted) detail(name, value string) {
	if n.details == nil {
		n.details = map[string]string{}
	}
	n.details[name] = value
}

// asked notes what the first message asks for: that is all there is to say of what is
// refused before a store hears of it.
func (n *noted) asked(m any) {
	var name string
	switch m := m.(type) {
	case interface{ GetResourceName() string }:
		name = m.GetResourceName()
	case interface{ GetDigest() string }:
		name = m.GetDigest()
	}
	if name != "" {
		n.ask("asked/" + name)
	}
}

// path notes what a URL asks for.
func (n *noted) path(path string) {
	path = strings.TrimPrefix(strings.TrimPrefix(path, "/v1/artifacts/"), "/download/")
	name, _, _ := strings.Cut(path, "/")
	n.ask("asked/" + name)
}

func (n *noted) ask(object string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.object == "" {
		n.object = object
	}
}

// failed notes why, where more is known than the outcome.
func (n *noted) failed(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.reason = problem.From(err).Reason()
}

// audit records the request. It is called with entering held, once.
func (v *visit) audit(outcome string) {
	log := v.gate.cfg.Audit
	switch {
	case v.record != nil && outcomeOf(outcome) == audit.Denied:
		v.record.Leave()
		log.Denied(v.event(outcome, v.noted.reasonOf(outcome)))
	case v.record != nil && v.worthRecording():
		v.record.Record(v.event(outcome, v.noted.reasonOf(outcome)))
	case v.record != nil:
		v.record.Leave()
	case v.refused == nil:
	case v.grant.Org.IsZero(): // nobody that is known
		if problem.KindOf(v.refused) == problem.Unauthenticated {
			log.Denied(v.event(outcome, problem.From(v.refused).Reason()))
		}
	default: // one too many at a time
		log.Count(v.event(problem.Exhausted.String(), problem.From(v.refused).Reason()))
	}
}

// worthRecording: a question that is answered moves nothing.
func (v *visit) worthRecording() bool {
	return v.kind != "describe" || v.noted.cancels || v.noted.signs || v.noted.confirms
}

func (v *visit) event(outcome, reason string) audit.Event {
	v.noted.mu.Lock()
	defer v.noted.mu.Unlock()
	e := audit.Event{
		Chain: audit.Of(v.grant.Org), Time: time.Now(), Action: v.action(), Object: v.noted.object,
		Outcome: outcomeOf(outcome), Reason: reason, Origin: v.origin, Details: v.noted.details,
	}
	if v.grant.Org.IsZero() {
		return e
	}
	e.Kind, e.Subject = audit.CASToken, v.grant.Subject
	v.noted.detail("token", v.grant.TokenID)
	v.noted.detail("protocol", v.protocol)
	if n := v.noted.bytes.Load(); n > 0 {
		v.noted.detail("bytes", strconv.FormatInt(n, 10))
	}
	e.Details = v.noted.details
	return e
}

func (v *visit) action() string {
	n := &v.noted
	switch {
	case n.signs:
		return audit.ArtifactSign
	case n.confirms:
		return audit.ArtifactConfirm
	case n.cancels:
		return audit.ArtifactCancel
	case v.kind == "upload":
		return audit.ArtifactUpload
	case v.kind == "download":
		return audit.ArtifactDownload
	}
	return audit.ArtifactDescribe
}

func (n *noted) reasonOf(outcome string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if outcome == "ok" || n.reason != "" {
		return n.reason
	}
	if kind, known := problem.ParseKind(outcome); known {
		return kind.Reason()
	}
	return strings.ToUpper(outcome)
}

// outcomeOf tells what may not be from what did not work.
func outcomeOf(outcome string) audit.Outcome {
	if outcome == "ok" {
		return audit.Done
	}
	switch kind, _ := problem.ParseKind(outcome); kind {
	case problem.Unauthenticated, problem.Denied, problem.TooLarge, problem.Exhausted:
		return audit.Denied
	}
	return audit.Failed
}
