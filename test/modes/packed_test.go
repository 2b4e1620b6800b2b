package modes

import (
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/emulator/stsapi"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// podTags are EKS Pod Identity's, as long as they were where AWS measured 74 percent.
func podTags() map[string]string {
	return map[string]string{
		"eks-cluster-arn": "arn:aws:eks:eu-west-1:111122223333:cluster/production", "eks-cluster-name": "production",
		"kubernetes-namespace": "chainloop", "kubernetes-service-account": "artifact-cas",
		"kubernetes-pod-name": "artifact-cas-7d9f8b6c5d-x2x4z", "kubernetes-pod-uid": "0f8fad5b-d9cb-469f-a165-70867728950e",
	}
}

// What a session takes of the space for policies and tags, by the embedded AWS's estimate:
// with the longest names each mode fits, but an inline policy not beside the tags of EKS
// Pod Identity. docs/session-policy-modes.md has the numbers.
func TestPackedSizes(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		mode tenancy.SessionPolicyMode
		tags bool
		want int
	}{
		{tenancy.Managed, false, 17}, {tenancy.Managed, true, 89},
		{tenancy.ABAC, false, 17}, {tenancy.ABAC, true, 89},
		{tenancy.Inline, false, 71}, {tenancy.Inline, true, 143},
	} {
		in, err := tenancy.New(tenancy.Installation{
			AccountID: "111122223333", Region: "us-gov-west-1", BucketName: strings.Repeat("bucket-", 8) + "artifac",
			KMSKeyARN: "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab",
			APPrefix:  "artifacts-prd-", BaseRoleName: "tenant", SessionPolicyPrefix: "cas-", SessionPolicyMode: row.mode,
			BackendRoleName: "backend", ControlplaneRoleName: "controlplane",
		})
		if err != nil {
			t.Fatal(err)
		}
		tenant := in.Tenant(org.NewID())
		tags := tenant.SessionTags()
		if row.tags {
			for key, value := range podTags() {
				tags[key] = value
			}
		}
		packed := stsapi.Packed{Tags: tags, Policy: tenant.PassedPolicy().Text}
		if arn := tenant.PassedPolicy().ARN; arn != "" {
			packed.PolicyARNs = []string{arn}
		}
		// Ids are random, and one compresses a little better than another.
		if got := stsapi.EstimatePackedSize(packed); got < row.want-2 || got > row.want+2 {
			t.Errorf("%s, tags of Pod Identity %t: %d percent, want about %d", row.mode, row.tags, got, row.want)
		}
	}
}
