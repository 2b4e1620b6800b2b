package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/provision"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// provisioned is what provision -o json prints.
type provisioned struct {
	provision.Plan
	Applied   int               `json:"applied"` // how many of the steps
	KMSKeyARN string            `json:"kmsKeyArn,omitempty"`
	RoleARNs  map[string]string `json:"roleArns"`
	Next      []string          `json:"next,omitempty"`
}

// provision plans, prints, and applies unless it is only to plan.
func (o provisionOptions) provision(cmd *cobra.Command, aws *awscloud.Cloud, in tenancy.Installation) error {
	says := speaker{out: cmd.OutOrStdout(), json: o.output == "json"}
	did := provisioned{KMSKeyARN: in.KMSKeyARN}
	p, err := provision.New(provision.Config{
		Installation: in, Roles: aws, Keys: aws, Buckets: aws, Settings: aws,
		Identity: o.identity, ReplacePolicies: o.replacePolicy,
		Begun: func(n int, step provision.Step) {
			did.Applied = n - 1
			says.step(n, step)
		},
	})
	if err != nil {
		return fmt.Errorf("backend.managedCas: %w", err)
	}
	if did.Plan, err = p.Plan(cmd.Context()); err != nil {
		return err
	}
	did.RoleARNs = p.RoleARNs()
	says.plan(did.Plan)
	if o.planOnly {
		says.steps(did.Steps)
		return says.value(did)
	}
	made, err := p.Apply(cmd.Context(), did.Plan)
	if err != nil {
		says.notDone(did.Steps, did.Applied)
		return joinFirst(err, says.value(did))
	}
	did.Applied, did.KMSKeyARN = len(did.Steps), made.KMSKeyARN
	did.Next = o.next(in, made)
	says.line("kmsKeyArn: %s", made.KMSKeyARN)
	for _, next := range did.Next {
		says.line("next: %s", next)
	}
	return says.value(did)
}

// next says what an operator does then.
func (o provisionOptions) next(before, made tenancy.Installation) []string {
	var next []string
	if before.KMSKeyARN == "" {
		next = append(next, "put kmsKeyArn into backend.managedCas of "+o.config+" and of the chart's values")
	}
	if made.Loopback {
		return next // there is no cluster beside an embedded AWS
	}
	if o.identity.Kind != provision.IRSA {
		for _, command := range o.identity.Associations(made, o.cluster) {
			next = append(next, "once in the cluster: "+command)
		}
	}
	return append(next, fmt.Sprintf("install the chart: helm upgrade --install managedcas deploy/helm/managedcas --namespace %s --create-namespace -f values.yaml (docs/chart.md)", o.identity.Namespace))
}

// joinFirst is the first of two errors, with the other if there is one.
func joinFirst(first, second error) error {
	if second != nil {
		return fmt.Errorf("%w; %w", first, second)
	}
	return first
}
