package doctor

import (
	"fmt"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/isolation"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// policyIsolation proves the isolation of organizations with the bucket policy that was
// seen, and all else as it should be. It is the last of the checks of that policy: it has
// something to say only about mistakes that the others do not know.
func policyIsolation(o Observation) ([]Finding, error) {
	policy, err := o.policyOfBucket()
	if err != nil {
		return nil, err
	}
	for _, known := range []func(Observation) ([]Finding, error){policyLetsThrough, policyDenies, policyControl} {
		if found, err := known(o); err != nil || len(found) > 0 {
			return nil, err
		}
	}
	return unproven(o.Installation, policy)
}

// unproven is what the proof says of a bucket policy.
func unproven(in tenancy.Installation, policy *iam.Document) ([]Finding, error) {
	scheme := isolation.SchemeOf(in, "AROAEXAMPLE0BASE0ROLE")
	scheme.Bucket = policy
	report, err := scheme.Prove()
	if err != nil {
		return nil, err
	}
	var broken []string
	for _, row := range report.Failures() {
		broken = append(broken, fmt.Sprintf("%s by %s, by the way of the %s (%s), without the %s: %s",
			row.Attempt.Action, row.Attempt.Actor, row.Attempt.Route, row.Attempt.Target, row.Missing, row.Decision.Result))
	}
	if len(broken) == 0 {
		return nil, nil
	}
	return []Finding{{
		Code: "bucket-policy-isolation", Status: Failed,
		What:        "the bucket policy does not keep organizations apart by itself, or from their own",
		Evidence:    evidence(broken),
		Consequence: "one more mistake, in another policy, lets an organization reach another's artifacts",
		Fix:         putBucketPolicy(in),
	}}, nil
}
