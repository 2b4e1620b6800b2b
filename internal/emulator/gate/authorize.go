package gate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/directory"
	"github.com/managedcas/managedcas/internal/iam"
)

// Gate is the Authorizer and the Principals of one embedded account.
type Gate struct {
	dir       *directory.Directory
	documents *Documents
}

// New returns a gate over the identities in dir.
func New(dir *directory.Directory) *Gate {
	return &Gate{dir: dir, documents: NewDocuments()}
}

// Authorize implements Authorizer.
func (g *Gate) Authorize(ctx context.Context, caller *api.Caller, checks ...Check) error {
	req := api.FromContext(ctx)
	var (
		decisions []iam.Decision
		denied    error
	)
	err := g.dir.Replica(func(tx directory.Tx) error {
		set, err := g.policiesOf(tx, caller)
		if err != nil {
			return err
		}
		for _, check := range checks {
			decision := iam.Evaluate(g.question(tx, req, caller, check, &set))
			decisions = append(decisions, decision)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("gather policies of %s: %w", caller.ARN, err)
	}
	if len(decisions) == 0 {
		return fmt.Errorf("authorize %s: nothing to check", caller.ARN)
	}
	verdict := iam.All(decisions...)
	if req != nil {
		req.Decisions = append(req.Decisions, explained(decisions, verdict)...)
	}
	if !verdict.Allowed() {
		denied = denial(req, caller, checks, decisions, verdict)
	}
	return denied
}

// explained is a verdict as the journal keeps it. What one context denies, others may
// have allowed or denied too, and who looks for the reason wants to see them all: the
// contexts that allowed come first, each a decision of its own, and the verdict last,
// with the reasons of all contexts that denied, those that decided first.
func explained(decisions []iam.Decision, verdict iam.Decision) []iam.Decision {
	if verdict.Allowed() {
		return []iam.Decision{verdict}
	}
	var all []iam.Decision
	verdict.Because = slices.Clone(verdict.Because)
	for _, d := range decisions {
		switch {
		case d.Allowed():
			all = append(all, d)
		case d.Result != verdict.Result:
			verdict.Because = append(verdict.Because, d.Because...)
		}
	}
	return append(all, verdict)
}

// question puts a check in the evaluator's terms. set holds the caller's own
// policies and is completed with the resource's.
func (g *Gate) question(tx directory.Tx, req *api.Request, caller *api.Caller, check Check, set *iam.PolicySet) (iam.Request, iam.PolicySet) {
	with := *set
	with.RequireResource = check.RequireResource
	if check.Policy != nil {
		with.Resource = &iam.Policy{Name: check.Policy.Name, Document: unbind(tx, check.Policy.Document)}
	}
	return iam.Request{
		Principal:     principalOf(caller),
		PrincipalRole: caller.RoleARN,
		Action:        check.Action,
		Resource:      check.Resource,
		Account:       check.Account,
		Context:       conditionKeys(req, caller, check),
	}, with
}

func principalOf(caller *api.Caller) string {
	if caller.Kind == api.Anonymous {
		return iam.Anonymous
	}
	return caller.ARN
}

func rfc3339(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
