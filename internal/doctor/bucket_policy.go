package doctor

import (
	"errors"
	"fmt"
	"strings"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
)

// errNoPolicy stands for a policy that is not there, or is none: one check says so, and
// the others have nothing to look at.
var errNoPolicy = errors.New("the bucket has no policy that could be looked at: see above")

// policyOfBucket is the bucket policy that was seen.
func (o Observation) policyOfBucket() (*iam.Document, error) {
	if o.BucketPolicy.Err != nil {
		return nil, o.BucketPolicy.Err
	}
	policy, err := iam.Parse(iam.KindBucket, o.BucketPolicy.Value)
	if err != nil {
		return nil, errNoPolicy
	}
	return policy, nil
}

// policyExists says what is wrong with the text of the bucket policy.
func policyExists(o Observation) ([]Finding, error) {
	in := o.Installation
	if deniedByBucket(o.BucketPolicy.Err) {
		return []Finding{deniesReader(o)}, nil
	}
	if o.BucketPolicy.Err != nil {
		return nil, o.BucketPolicy.Err
	}
	if o.BucketPolicy.Value == nil {
		return []Finding{{
			Code: "bucket-policy-missing", Status: Failed,
			What:        fmt.Sprintf("bucket %s has no policy", in.BucketName),
			Evidence:    "s3:GetBucketPolicy: NoSuchBucketPolicy",
			Consequence: "no organization reaches its artifacts: nothing delegates to access points; and whoever IAM allows it reads all artifacts in the bucket itself",
			Fix:         putBucketPolicy(in),
		}}, nil
	}
	if _, err := iam.Parse(iam.KindBucket, o.BucketPolicy.Value); err != nil {
		return []Finding{{
			Code: "bucket-policy-malformed", Status: Failed,
			What:        fmt.Sprintf("the policy of bucket %s is none that can be understood", in.BucketName),
			Evidence:    err.Error(),
			Consequence: "what it allows and denies is not known",
			Fix:         putBucketPolicy(in),
		}}, nil
	}
	return nil, nil
}

// deniedByBucket reports whether an answer is the bucket policy's own denial. No policy of
// ours denies the reading of settings, over TLS. AWS's answer names the kind of policy
// (facts AWS §3.5), and of a bucket there is one.
func deniedByBucket(err error) bool {
	return errors.Is(err, cloud.ErrDenied) && strings.Contains(err.Error(), "explicit deny in a resource-based policy")
}

// deniesReader: a Deny for all but a network or some principals, which hides the policy that
// it is in. The root user can always read, replace and delete a bucket policy (facts AWS §12.5).
func deniesReader(o Observation) Finding {
	fix := putBucketPolicy(o.Installation)
	fix.Text = "find the Deny that is not the installation's, and except whoever needs the bucket from it, or put the bucket policy of this installation; from where it lets somebody in, or as the root user of the account"
	return Finding{
		Code: "bucket-policy-denies-reader", Status: Failed,
		What:        fmt.Sprintf("the policy of bucket %s denies this identity to look at the bucket, and what else it does cannot be seen", o.Installation.BucketName),
		Evidence:    o.BucketPolicy.Err.Error(),
		Consequence: "no document of the installation denies that: what does may deny organizations and administrators everything as well",
		Fix:         fix,
	}
}
