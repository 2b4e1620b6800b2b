package iamapi

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/awsquery"
	"github.com/managedcas/managedcas/internal/iam"
)

type simulateResult struct {
	EvaluationResults awsquery.List[evaluationXML]
	pageEnd
}

type evaluationXML struct {
	EvalActionName       string
	EvalResourceName     string
	EvalDecision         string
	MatchedStatements    awsquery.List[statementXML]
	MissingContextValues awsquery.List[string]
}

type statementXML struct {
	SourcePolicyId   string
	SourcePolicyType string
}

// Limits that keep one simulation small.
const (
	maxSimulatedPolicies  = 20
	maxSimulatedActions   = 100
	maxSimulatedResources = 100
)

// simulation is a request to simulate policies.
type simulation struct {
	page
	principal string
	account   string
	set       iam.PolicySet
	actions   []string
	resources []string
	context   iam.Context
}

// simulateCustom evaluates the policies of the request alone.
func (s *Service) simulateCustom(ctx context.Context, c *call) (any, error) {
	sim, err := s.readSimulation(c)
	if err != nil {
		return nil, err
	}
	if err := s.authorize(ctx, c, anything); err != nil {
		return nil, err
	}
	if sim.principal == "" {
		sim.principal = s.dir.ARN("user", "/", "simulated")
	}
	return sim.run(), nil
}

// simulatePrincipal evaluates the policies that a role or user has now, with those of the
// request beside them; a boundary in the request stands in for the principal's own
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html).
func (s *Service) simulatePrincipal(ctx context.Context, c *call) (any, error) {
	source := c.arn("PolicySourceArn")
	sim, err := s.readSimulation(c)
	if err != nil {
		return nil, err
	}
	if err := s.authorize(ctx, c, source); err != nil {
		return nil, err
	}
	own, err := s.policies.PoliciesOf(source)
	if err != nil {
		return nil, found(err, noSuchEntity("The role or user %s cannot be found.", source))
	}
	sim.set.Identity = append(own.Identity, sim.set.Identity...)
	if len(sim.set.Boundary) == 0 {
		sim.set.Boundary = own.Boundary
	}
	if sim.principal == "" {
		sim.principal = source
	}
	return sim.run(), nil
}

// run answers with the evaluator that also enforces. Only the context that the request
// gives is there; which keys the policies miss is not worked out.
func (sim *simulation) run() simulateResult {
	list, n := collector[evaluationXML]{page: sim.page}, 0
	for _, action := range sim.actions {
		for _, resource := range sim.resources {
			decision := iam.Evaluate(iam.Request{
				Principal: sim.principal,
				Action:    action,
				Resource:  resource,
				Account:   sim.account,
				Context:   sim.context,
			}, sim.set)
			n++
			list.add(fmt.Sprintf("%05d", n), describeEvaluation(action, resource, decision))
		}
	}
	return simulateResult{awsquery.Of(list.items), list.end()}
}

func (s *Service) readSimulation(c *call) (simulation, error) {
	for _, name := range []string{"ResourceHandlingOption", "ResourceOwner"} {
		if c.Has(name) {
			return simulation{}, api.NotImplemented("iam", c.req.Operation+" with "+name)
		}
	}
	sim := simulation{
		page:      readPage(c),
		principal: c.optionalARN("CallerArn"),
		account:   s.dir.AccountID(),
		actions:   c.Texts("ActionNames", maxSimulatedActions, awsquery.Limits{Required: true, Min: 3, Max: 128}),
		resources: c.Texts("ResourceArns", maxSimulatedResources, awsquery.Limits{Required: true, Min: 1, Max: 2048}),
		context:   readContext(c),
	}
	if len(sim.resources) == 0 {
		sim.resources = []string{anything}
	}
	sim.set.Identity = c.policies("PolicyInputList")
	sim.set.Boundary = c.policies("PermissionsBoundaryPolicyInputList")
	if text := c.Text("ResourcePolicy", awsquery.Limits{Max: 131072}); text != "" {
		doc, err := iam.Parse(iam.KindResource, []byte(text))
		if err != nil {
			return sim, invalidInput("Invalid Input in ResourcePolicy: %s", err)
		}
		sim.set.Resource = &iam.Policy{Name: "ResourcePolicy", Document: doc}
	}
	return sim, c.Err()
}

// policies reads a list of policies, named by their place in it.
func (c *call) policies(list string) []iam.Policy {
	var read []iam.Policy
	for i, text := range c.Texts(list, maxSimulatedPolicies, awsquery.Limits{Required: true, Min: 1, Max: 131072}) {
		doc, err := iam.Parse(iam.KindIdentity, []byte(text))
		if err != nil {
			c.Violate(list+".member."+strconv.Itoa(i+1), "…", err.Error())
			continue
		}
		read = append(read, iam.Policy{Name: list + "." + strconv.Itoa(i+1), Document: doc})
	}
	return read
}

func readContext(c *call) iam.Context {
	keys := iam.Context{}
	for _, entry := range c.Members("ContextEntries") {
		key := c.Text(entry+".ContextKeyName", awsquery.Limits{Required: true, Min: 5, Max: 256})
		keys.Set(key, c.Texts(entry+".ContextKeyValues", 100, awsquery.Limits{Required: true})...)
	}
	return keys
}

func describeEvaluation(action, resource string, decision iam.Decision) evaluationXML {
	view := evaluationXML{EvalActionName: action, EvalResourceName: resource, EvalDecision: "implicitDeny"}
	switch decision.Result {
	case iam.Allowed:
		view.EvalDecision = "allowed"
	case iam.ExplicitlyDenied:
		view.EvalDecision = "explicitDeny"
	}
	for _, reason := range decision.Because {
		if reason.Statement < 0 {
			continue
		}
		kind := "IAM Policy"
		if reason.Layer == iam.LayerResource {
			kind = "Resource Policy"
		} else if strings.HasPrefix(reason.Policy, "PermissionsBoundary") {
			kind = "Permissions Boundary"
		}
		view.MatchedStatements.Members = append(view.MatchedStatements.Members, statementXML{reason.Policy, kind})
	}
	return view
}
