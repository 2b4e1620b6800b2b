// Package faults makes the embedded AWS fail on purpose: throttling, server errors,
// latency, connections that break before or after the effect of a request, and slow
// propagation of IAM changes. It can only take away: no fault lets a request
// through that would have been denied.
package faults

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// Kind is what happens to a request.
type Kind string

// The kinds of faults.
const (
	Throttle  Kind = "throttle"   // refused as the service throttles
	Failure   Kind = "error"      // refused with Status and Code
	Latency   Kind = "latency"    // served after DelayMS
	CutBefore Kind = "cut-before" // connection closed, nothing happened
	CutDuring Kind = "cut-during" // connection closed within the body: of the request, or else of the answer
	CutAfter  Kind = "cut-after"  // it happened, and the answer is lost
)

// MaxDelay bounds DelayMS: a mistyped number must not hang a test run for ever.
const MaxDelay = 5 * time.Minute

// Rule makes requests fail. Of several rules that match a request, the first that
// still has something to do is applied, alone.
type Rule struct {
	Service   string `json:"service,omitempty"`   // "s3", "sts", …; empty: all
	Operation string `json:"operation,omitempty"` // "PutObject"; empty: all
	After     int    `json:"after,omitempty"`     // let this many matching requests pass first
	Count     int    `json:"count,omitempty"`     // fail this many, then none; 0: all
	Kind      Kind   `json:"kind"`
	Status    int    `json:"status,omitempty"`  // of Kind error; default 500
	Code      string `json:"code,omitempty"`    // of Kind error; default the service's internal error
	DelayMS   int    `json:"delayMs,omitempty"` // before whatever happens
	Bytes     int    `json:"bytes,omitempty"`   // of Kind cut-during: how much of the body passes; 0: half of it
}

// Delay is how long to wait before the rest of the rule.
func (r Rule) Delay() time.Duration { return time.Duration(r.DelayMS) * time.Millisecond }

// Error is the answer that r stands for, or nil when r is not about an answer.
func (r Rule) Error(service string) *api.Error {
	switch r.Kind {
	case Throttle:
		return throttled(service)
	case Failure:
		e := Internal(service)
		if r.Status != 0 {
			e.Status = r.Status
		}
		if r.Code != "" {
			e.Code = r.Code
		}
		return e
	}
	return nil
}

// throttled is how each service asks a client to slow down (facts AWS §1.3, §4.6).
func throttled(service string) *api.Error {
	switch service {
	case "sts", "iam":
		return api.Errorf(400, "Throttling", "Rate exceeded")
	case "kms", "secretsmanager":
		return api.Errorf(400, "ThrottlingException", "Rate exceeded")
	}
	return api.Errorf(503, "SlowDown", "Please reduce your request rate.")
}

// Internal is how each service reports a failure of its own.
func Internal(service string) *api.Error {
	switch service {
	case "sts", "iam":
		return api.Errorf(500, "InternalFailure", "The request processing has failed because of an internal error.")
	case "kms":
		return api.Errorf(500, "KMSInternalException", "The request processing has failed because of an internal error.")
	case "secretsmanager":
		return api.Errorf(500, "InternalServiceError", "An error occurred on the server side.")
	}
	return api.Errorf(500, "InternalError", "We encountered an internal error. Please try again.")
}

func (k Kind) known() bool {
	switch k {
	case Throttle, Failure, Latency, CutBefore, CutDuring, CutAfter:
		return true
	}
	return false
}

func (r Rule) check() error {
	switch {
	case !r.Kind.known():
		return fmt.Errorf("kind %q: use throttle, error, latency, cut-before, cut-during or cut-after", r.Kind)
	case r.After < 0 || r.Count < 0 || r.DelayMS < 0 || r.Bytes < 0:
		return errors.New("after, count, delayMs and bytes must not be negative")
	case r.Kind != CutDuring && r.Bytes != 0:
		return errors.New("bytes belongs to kind cut-during")
	case r.Delay() > MaxDelay:
		return fmt.Errorf("delayMs: at most %d", MaxDelay.Milliseconds())
	case r.Kind == Latency && r.DelayMS == 0:
		return errors.New("kind latency needs delayMs")
	case r.Kind != Failure && (r.Status != 0 || r.Code != ""):
		return errors.New("status and code belong to kind error")
	case r.Status != 0 && (r.Status < 400 || r.Status > 599):
		return errors.New("status must be 400 to 599: a fault is not a success")
	}
	return nil
}

// Plan is all that goes wrong on purpose.
type Plan struct {
	Rules []Rule `json:"rules"`
	// IAMPropagationMS is how long a change in IAM stays invisible to other services.
	IAMPropagationMS int `json:"iamPropagationMs"`
}

// Set is a plan being carried out. Its zero value does nothing; it is safe for
// concurrent use.
type Set struct {
	// Operations are the names of all operations by service. A rule for another could
	// never apply, and what it was to test would seem to pass; nil: not checked.
	Operations map[string][]string

	mu   sync.Mutex
	plan Plan
	seen []int // per rule: matching requests so far
}

// Replace starts plan from the beginning, or keeps the old plan and says what is
// wrong with the new one.
func (s *Set) Replace(plan Plan) error {
	for i, r := range plan.Rules {
		if err := errors.Join(r.check(), s.checkNames(r)); err != nil {
			return fmt.Errorf("fault rule %d: %w", i, err)
		}
	}
	if ms := plan.IAMPropagationMS; ms < 0 || time.Duration(ms)*time.Millisecond > MaxDelay {
		return fmt.Errorf("iamPropagationMs: 0 to %d", MaxDelay.Milliseconds())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plan = Plan{Rules: append([]Rule{}, plan.Rules...), IAMPropagationMS: plan.IAMPropagationMS}
	s.seen = make([]int, len(plan.Rules))
	return nil
}

// checkNames refuses a rule for what does not exist.
func (s *Set) checkNames(r Rule) error {
	if s.Operations == nil {
		return nil
	}
	services := slices.Sorted(maps.Keys(s.Operations))
	if r.Service != "" {
		if s.Operations[r.Service] == nil {
			return fmt.Errorf("service %q: use %s", r.Service, strings.Join(services, ", "))
		}
		services = []string{r.Service}
	}
	if r.Operation == "" {
		return nil
	}
	for _, service := range services {
		for _, name := range s.Operations[service] {
			if name == r.Operation {
				return nil
			}
			if strings.EqualFold(name, r.Operation) {
				return fmt.Errorf("operation %q: write %s", r.Operation, name)
			}
		}
	}
	return fmt.Errorf("operation %q: not one of %s; the journal shows the names of operations", r.Operation, strings.Join(services, ", "))
}

// Plan returns what is being carried out.
func (s *Set) Plan() Plan {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Plan{Rules: append([]Rule{}, s.plan.Rules...), IAMPropagationMS: s.plan.IAMPropagationMS}
}

// IAMPropagation is how long a change in IAM stays invisible now.
func (s *Set) IAMPropagation() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Duration(s.plan.IAMPropagationMS) * time.Millisecond
}

// Next counts a request and returns the rule to apply to it, if any.
func (s *Set) Next(service, operation string) (Rule, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, r := range s.plan.Rules {
		if r.Service != "" && r.Service != service || r.Operation != "" && r.Operation != operation {
			continue
		}
		n := s.seen[i]
		s.seen[i]++
		if n >= r.After && (r.Count == 0 || n < r.After+r.Count) {
			return r, true
		}
	}
	return Rule{}, false
}
