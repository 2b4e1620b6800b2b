package reconcile

import (
	"context"
	"sync"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// Grace is how long managed policies that the mode of session policies does not want any
// more are kept. A process of the data path that still is in the old mode may use them:
// until it is replaced, has ended its transfers (six hours at most, unless cas.limits says
// otherwise) and its last session, of one hour, is over. A managed session policy is read
// when it is used: deleting it ends the sessions that have it (facts AWS §3.3).
const Grace = 8 * time.Hour

// sessionPolicies returns the steps to the policies that the mode wants. What it does not
// want goes last, and only when nobody uses it.
func sessionPolicies(desired Desired, observed Observed) []Step {
	t, own, shared := desired.Tenant, desired.SessionPolicy, desired.SharedPolicy
	var plan []Step
	if shared != nil && !same(iam.KindSession, observed.SharedPolicy, shared) {
		plan = append(plan, SaveSharedPolicy{Policy: shared})
	}
	switch {
	case own == nil && observed.SessionPolicy == nil:
	case own == nil && observed.Superseded && len(plan) == 0:
		plan = append(plan, DeleteSessionPolicy{ARN: t.SessionPolicyARN()})
	case own == nil:
	case observed.SessionPolicy == nil:
		plan = append(plan, CreateSessionPolicy{Name: t.SessionPolicyName(), Org: t.ID(), Policy: own})
	case !same(iam.KindSession, observed.SessionPolicy, own):
		plan = append(plan, ReplaceSessionPolicy{ARN: t.SessionPolicyARN(), Policy: own})
	}
	return plan
}

// SaveSharedPolicy creates the policy that all sessions have, or makes what it should say
// its default version. All organizations plan it when it is missing; one does it.
type SaveSharedPolicy struct{ Policy *iam.Document }

func (s SaveSharedPolicy) String() string { return "save the session policy of all organizations" }

func (s SaveSharedPolicy) apply(ctx context.Context, r *Reconciler) error {
	return r.shared.save(ctx, r.cfg, s.Policy)
}

// sharedPolicy is what the process knows of the one policy of the mode ABAC. It is read
// once a pass, and by whoever needs it before the first.
type sharedPolicy struct {
	since time.Time // the process has been in its mode

	mu    sync.Mutex
	known bool
	text  []byte // nil: there is none
}

// observe returns the shared policy as it was last read, where the mode wants one, and
// whether the mode has been in force for longer than Grace. Of that only the process's own
// age is a proof: who starts in a new mode gives everybody the whole of it.
func (s *sharedPolicy) observe(ctx context.Context, cfg Config) (text []byte, superseded bool, err error) {
	superseded = time.Since(s.since) > Grace
	if cfg.Installation.SessionPolicyMode != tenancy.ABAC {
		return nil, superseded, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.known {
		err = s.read(ctx, cfg)
	}
	return s.text, superseded, err
}

// mark marks organizations that still have a policy of their own, where no process can be
// in a mode any more that has them.
func (s *sharedPolicy) mark(all map[org.ID]listed, in tenancy.Installation) {
	own := in.SessionPolicyMode != tenancy.Inline && in.SessionPolicyMode != tenancy.ABAC
	if own || time.Since(s.since) <= Grace {
		return
	}
	for id, l := range all {
		l.superseded = l.policy
		all[id] = l
	}
}

// look reads it anew; where the mode wants none, it deletes one that nobody uses any more,
// if it says what this installation's would: the name alone may be somebody else's.
func (s *sharedPolicy) look(ctx context.Context, cfg Config) error {
	if cfg.Installation.SessionPolicyMode == tenancy.ABAC {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.read(ctx, cfg)
	}
	if time.Since(s.since) <= Grace {
		return nil
	}
	arn := cfg.Installation.SharedPolicyARN()
	_, text, err := cfg.Policies.Policy(ctx, arn)
	if text, err = present(text, err); err != nil || text == nil || !same(iam.KindSession, text, cfg.Installation.SharedPolicy()) {
		return err
	}
	return cfg.Policies.DeletePolicy(ctx, arn)
}

// save does what is left to do: another organization may have come first.
func (s *sharedPolicy) save(ctx context.Context, cfg Config, want *iam.Document) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.read(ctx, cfg); err != nil {
		return err
	}
	s.known = false // the next round reads what came of it
	arn := cfg.Installation.SharedPolicyARN()
	switch {
	case s.text == nil:
		_, err := cfg.Policies.CreatePolicy(ctx, cfg.Installation.SharedPolicyName(), "Session policy of all organizations", want)
		return full(err, noPolicyRoom, morePolicies)
	case same(iam.KindSession, s.text, want):
		return nil
	}
	if err := cfg.Policies.PrunePolicy(ctx, arn, keepVersions); err != nil {
		return err
	}
	return cfg.Policies.AddPolicyVersion(ctx, arn, want)
}

func (s *sharedPolicy) read(ctx context.Context, cfg Config) error {
	_, text, err := cfg.Policies.Policy(ctx, cfg.Installation.SharedPolicyARN())
	if text, err = present(text, err); err == nil {
		s.known, s.text = true, text
	}
	return err
}

// documentLimit is how long a session policy may be in the installation's mode.
func documentLimit(in tenancy.Installation, use cloud.PolicyUse) int {
	if in.SessionPolicyMode == tenancy.Inline {
		return tenancy.MaxInlinePolicy
	}
	return use.DocumentQuota
}
