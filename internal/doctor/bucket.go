package doctor

import (
	"errors"
	"fmt"
	"strings"

	"github.com/managedcas/managedcas/internal/cloud"
)

// bucketChecks are about section 1 of the operator's guide.
func bucketChecks() []check {
	return []check{
		{"bucket/exists", "the bucket exists, in this account and Region", bucketExists},
		{"bucket/public-access", "all public access to the bucket is blocked", publicAccess},
		{"bucket/ownership", "the bucket has no ACLs", ownership},
		{"bucket/encryption", "the bucket encrypts with the installation's key by default", encryption},
		{"bucket/lifecycle", "the bucket's lifecycle removes unfinished uploads, and no artifacts", lifecycle},
		{"bucket/policy", "the bucket has a policy", policyExists},
		{"bucket/policy-lets-through", "the bucket policy lets organizations through their access points", policyLetsThrough},
		{"bucket/policy-denies", "the bucket policy denies every other way to artifacts", policyDenies},
		{"bucket/policy-control", "administrators can change the bucket, and nobody else", policyControl},
		{"bucket/policy-isolation", "the bucket policy keeps organizations apart when another layer is missing", policyIsolation},
	}
}

// bucketExists tells a bucket that is not there from one that is somebody else's and one
// that may not be read.
func bucketExists(o Observation) ([]Finding, error) {
	in, bucket := o.Installation, o.Installation.BucketName
	switch {
	case errors.Is(o.Region.Err, cloud.ErrNotFound):
		return []Finding{{
			Code: "bucket-missing", Status: Failed,
			What:        fmt.Sprintf("bucket %s does not exist", bucket),
			Evidence:    o.Region.Err.Error(),
			Consequence: "no access point can be made, and no organization gets a storage backend",
			Fix: Fix{
				Text:     "create the bucket with everything that belongs to it, or correct backend.managedCas.bucketName",
				Commands: []string{"managedcasd provision --config managedcas.yaml"},
			},
		}}, nil
	case errors.Is(o.Region.Err, cloud.ErrDenied) && o.Owned.Err == nil && !o.Owned.Value:
		return []Finding{{
			Code: "bucket-of-another-account", Status: Failed,
			What:        fmt.Sprintf("bucket %s is not a bucket of account %s", bucket, in.AccountID),
			Evidence:    fmt.Sprintf("s3:GetBucketLocation is denied, and the bucket is not among those of the account (s3:ListAllMyBuckets): %v", o.Region.Err),
			Consequence: "access points of the installation cannot be made, and its policies do not hold there",
			Fix:         Fix{Text: "names of buckets are unique in all of AWS: choose another in backend.managedCas.bucketName, and provision it; or correct backend.managedCas.accountId"},
		}}, nil
	case o.Region.Err != nil:
		return nil, o.Region.Err
	case o.Region.Value != in.Region:
		return []Finding{{
			Code: "bucket-region", Status: Failed,
			What:        fmt.Sprintf("bucket %s is in Region %s, and the installation in %s", bucket, o.Region.Value, in.Region),
			Evidence:    "s3:GetBucketLocation: " + o.Region.Value,
			Consequence: "an access point is made in the Region of its bucket: none can be made for this one",
			Fix:         Fix{Text: fmt.Sprintf("a bucket cannot be moved: set backend.managedCas.region to %s, or name a bucket in %s", o.Region.Value, in.Region)},
		}}, nil
	}
	return nil, nil
}

// publicAccess looks for each of the four settings (facts AWS §2.5). They are set
// together, and one finding names those that are off.
func publicAccess(o Observation) ([]Finding, error) {
	if o.Block.Err != nil {
		return nil, o.Block.Err
	}
	block, bucket := o.Block.Value, o.Installation.BucketName
	var off, lets []string
	for _, setting := range []struct {
		name string
		on   bool
		lets string
	}{
		{"BlockPublicAcls", block.BlockPublicAcls, "an ACL that makes objects public is accepted"},
		{"IgnorePublicAcls", block.IgnorePublicAcls, "an ACL that makes objects public works"},
		{"BlockPublicPolicy", block.BlockPublicPolicy, "a policy that lets everybody in is accepted"},
		{"RestrictPublicBuckets", block.RestrictPublicBuckets, "a policy that lets everybody in works for other accounts"},
	} {
		if !setting.on {
			off, lets = append(off, setting.name), append(lets, setting.lets)
		}
	}
	if len(off) == 0 {
		return nil, nil
	}
	return []Finding{{
		Code: "bucket-public-access", Status: Failed,
		What:        fmt.Sprintf("bucket %s does not block all public access: %s off", bucket, strings.Join(off, ", ")),
		Evidence:    "s3:GetBucketPublicAccessBlock: " + strings.Join(off, "=false, ") + "=false",
		Consequence: strings.Join(lets, "; "),
		Fix: Fix{
			Text: "block all public access",
			Commands: []string{"aws s3api put-public-access-block --bucket " + bucket +
				" --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true"},
		},
	}}, nil
}
