package moto

import (
	"slices"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/provision"
	"github.com/managedcas/managedcas/internal/tenancy"
)

func names() tenancy.Installation {
	return tenancy.Installation{
		AccountID: account, Region: region, BucketName: "artifacts", APPrefix: "cas-",
		BaseRoleName: "tenant", SessionPolicyPrefix: "cas-", PurgeRoleName: "tenant-purge",
		BackendRoleName: "backend", ControlplaneRoleName: "controlplane", CASRoleName: "cas",
		OperatorARNs: []string{"arn:aws:iam::" + account + ":root"},
	}
}

// From nothing, a second time, and away again. Moto keeps all that provision says, but for
// what gaps has.
func TestProvision(t *testing.T) {
	t.Parallel()
	program := program(t)
	if program == "" {
		return
	}
	c := connect(t, serve(t, program))
	plan := func(in tenancy.Installation) (*provision.Provisioner, provision.Plan) {
		p, err := provision.New(provision.Config{
			Installation: in, Roles: c, Keys: c, Buckets: c, Settings: c,
			Identity: provision.Identity{
				Kind: provision.IRSA, OIDCProviderARN: "arn:aws:iam::" + account + ":oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE",
				Namespace: "managedcas", ServiceAccounts: map[string]string{"backend": "b", "controlplane": "p", "cas": "c"},
			},
		})
		must(t, err)
		plan, err := p.Plan(t.Context())
		must(t, err)
		return p, plan
	}
	p, first := plan(names())
	if len(first.Adopted) != 0 || len(first.Steps) != 18 {
		t.Errorf("of an empty account %v is adopted, and to do are %d: %v", first.Adopted, len(first.Steps), first.Steps)
	}
	in, err := p.Apply(t.Context(), first)
	must(t, err)
	_, again := plan(in)
	onlyGaps(t, "provision", words(again.Steps))
	if len(again.Notes) != 0 || len(again.Kept) != 0 || len(again.Adopted) != 7 {
		t.Errorf("notes %v, kept %v, adopted %v", again.Notes, again.Kept, again.Adopted)
	}

	removal := &provision.Removal{Installation: in, Roles: c, Keys: c, Buckets: c, Organizations: c}
	end, err := removal.Plan(t.Context())
	must(t, err)
	if len(end.Refusals) != 0 || len(end.Left) != 1 || len(end.Steps) != 11 {
		t.Fatalf("refused %v, left %v, steps %v", end.Refusals, end.Left, end.Steps)
	}
	if done, err := removal.Apply(t.Context(), end); err != nil || done != len(end.Steps) {
		t.Fatalf("%d steps, %v", done, err)
	}
	end, err = removal.Plan(t.Context())
	must(t, err)
	if len(end.Steps) != 0 || len(end.Left) != 1 || !strings.Contains(end.Left[0], "--delete-key DAYS") {
		t.Errorf("again: %+v", end)
	}
}

func words(steps []provision.Step) []string {
	var words []string
	for _, step := range steps {
		words = append(words, step.String())
	}
	slices.Sort(words)
	return words
}
