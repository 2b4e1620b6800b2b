package reconcile

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/probe"
	"github.com/managedcas/managedcas/internal/registry"
)

// Prober uses an organization's storage, and tries others'.
type Prober interface {
	Probe(ctx context.Context, id org.ID) probe.Result
}

const (
	// enough successes in a row prove that a change has arrived everywhere: one may have
	// met the replica of IAM that knew it already (facts AWS §5).
	enough = 3
	// patience is how long failures may still be a change on its way (facts AWS §5).
	patience = 2 * time.Minute
	// failingSoon and failingLong are the longest rests after a failure, within patience
	// and after it.
	failingSoon = 5 * time.Second
	failingLong = time.Minute
	// heldPause is the longest rest that a worker waits out instead of taking another job:
	// a job that is put back is not seen sooner.
	heldPause = 250 * time.Millisecond
)

// Again says that an organization is to be reconciled once more after a while. It is no
// failure.
type Again struct{ After time.Duration }

func (a *Again) Error() string { return fmt.Sprintf("to be looked at again in %s", a.After) }

// RetryAfter is when.
func (a *Again) RetryAfter() time.Duration { return a.After }

// verdict is the state that an organization deserves.
type verdict struct {
	state   org.State
	reason  string // for operators
	message string // for clients
	again   error
}

// prove probes an organization if that is due. It is ready after enough successes in a
// row; until then it stays what it is: one that is in use is not taken out of service for
// a repair. It is degraded when it fails for longer than a change can take to arrive, and
// at once when others are not kept apart from it.
func (r *Reconciler) prove(ctx context.Context, o org.Organization) (verdict, error) {
	v := verdict{state: org.Ready}
	if r.cfg.Prober == nil {
		return v, nil
	}
	p, err := r.probes(ctx, o)
	if err != nil {
		return v, err
	}
	v.state, v.reason = o.State, o.Reason
	repaired := o.State == org.Degraded && p.Streak == 0 && p.Failing.IsZero() // by an operator
	if repaired || time.Until(p.Next) > r.longestRest() {
		p.Next = time.Now()
	}
	for wait := time.Until(p.Next); wait <= heldPause; wait = time.Until(p.Next) {
		if err := pause(ctx, wait); err != nil {
			return v, err
		}
		result := r.cfg.Prober.Probe(ctx, o.ID)
		if ctx.Err() != nil {
			return v, ctx.Err()
		}
		p = r.after(p, result, time.Now())
		if err := r.record(ctx, o.ID, p, result); err != nil {
			return v, err
		}
		broken := result.Reason == probe.IsolationBroken
		if result.Status == registry.False && (broken || time.Since(p.Failing) >= patience) {
			v.state, v.message = org.Degraded, result.Message
			v.reason = (&BeyondRepair{Problem: fmt.Sprintf("%s: %v", result.Message, result.Detail), Fix: fixOf(result.Reason)}).Error()
		}
		if result.Status != registry.True {
			break
		}
	}
	switch wait := time.Until(p.Next); {
	case p.Streak >= enough:
		v.state, v.reason = org.Ready, ""
	case wait < failingLong/2: // else it is the rotation's
		v.again = &Again{max(wait, 0)}
	}
	return v, nil
}

// longestRest is how long a probe is put off at most. What is further off was put there by a
// clock that was wrong, or by a configuration that was another.
func (r *Reconciler) longestRest() time.Duration {
	return max(r.cfg.ProbeInterval, failingLong) * 12 / 10
}

// probes reads how an organization's probes went. One that was in use before there were
// any has its first some time within the interval: not all of them at once.
func (r *Reconciler) probes(ctx context.Context, o org.Organization) (registry.Probes, error) {
	p, err := r.cfg.Standing.Probes(ctx, o.ID)
	if !errors.Is(err, registry.ErrNotFound) {
		return p, err
	}
	p.Next = time.Now()
	if o.State == org.Ready {
		p.Next = p.Next.Add(time.Duration(rand.Float64() * float64(r.cfg.ProbeInterval)))
	}
	return p, r.cfg.Standing.SaveProbes(ctx, o.ID, p)
}

// after counts a result.
func (r *Reconciler) after(p registry.Probes, result probe.Result, now time.Time) registry.Probes {
	var rest time.Duration
	switch {
	case result.Status == registry.True:
		p.Streak, p.Failing = p.Streak+1, time.Time{}
		if rest = r.cfg.ProbePause; p.Streak >= enough {
			rest = r.cfg.ProbeInterval
		}
	case result.Status == registry.Unknown:
		if p.Streak < enough {
			p.Streak = 0
		}
		rest = failingSoon
	default:
		if p.Streak = 0; p.Failing.IsZero() {
			p.Failing = now
		}
		// Twice as long each time.
		rest = min(max(now.Sub(p.Failing), r.cfg.ProbePause), failingSoon)
		if now.Sub(p.Failing) >= patience {
			rest = failingLong
		}
	}
	p.Next = now.Add(time.Duration((0.9 + rand.Float64()/5) * float64(rest)))
	return p
}

// record writes a result down: the log has what clients must not see.
func (r *Reconciler) record(ctx context.Context, id org.ID, p registry.Probes, result probe.Result) error {
	r.metrics.probed(result)
	if err := r.cfg.Standing.SaveProbes(ctx, id, p); err != nil {
		return err
	}
	report := condition(registry.Reachable, result.Status, result.Reason, result.Message)
	event := registry.Event{Reason: "ProbeSucceeded", Message: result.Message}
	switch {
	case result.Status == registry.True && p.Streak < enough:
		report = condition(registry.Reachable, registry.Unknown, "Proving", "probes succeed, and not yet often enough in a row")
	case result.Reason == probe.IsolationBroken:
		event = registry.Event{Reason: result.Reason, Message: result.Message}
		r.cfg.Log.ErrorContext(ctx, "ISOLATION BROKEN: a session was let in where it must be denied", "org", id, "reason", result.Reason, "error", result.Detail)
	case result.Status != registry.True:
		event = registry.Event{Reason: "ProbeFailed", Message: result.Message}
		r.cfg.Log.WarnContext(ctx, "probe failed", "org", id, "reason", result.Reason, "error", result.Detail)
	}
	return r.cfg.Standing.Report(ctx, id, []registry.Condition{report}, event)
}

// fixOf says what an operator has to do about a probe that keeps failing.
func fixOf(reason string) string {
	switch reason {
	case probe.KeyUnusable:
		return "enable the KMS key, or cancel its deletion"
	case probe.IsolationBroken:
		return "find out who changed the bucket policy or the base role, and restore them: managedcasd provision"
	case probe.CanaryChanged:
		return "find out who wrote into the bucket, then delete that object"
	}
	return "compare the base role, the bucket policy and the key policy with what they should be: managedcasd provision --plan"
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// dueAtOnce is how many due probes one look has made; rotationPause is the longest time
// between two looks.
const (
	dueAtOnce     = 200
	rotationPause = 10 * time.Second
)

// probeAround has organizations looked at whose probe is due, until ctx ends.
func (r *Reconciler) probeAround(ctx context.Context) {
	if r.cfg.Prober == nil {
		return
	}
	for pause(ctx, min(r.cfg.ProbeInterval/4, rotationPause)) == nil {
		due, err := r.cfg.Standing.ProbesDue(ctx, r.longestRest(), dueAtOnce)
		if err == nil && len(due) > 0 {
			err = r.cfg.Jobs.Look(ctx, due)
		}
		if err != nil {
			r.report(ctx, "starting probes that are due", err)
		}
	}
}
