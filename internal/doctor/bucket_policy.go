package doctor

import (
	"errors"
	"fmt"

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
