package doctor

import "fmt"

// publicAccess looks for each of the four settings (facts AWS §6.1).
func publicAccess(o Observation) ([]Finding, error) {
	if o.Block.Err != nil {
		return nil, o.Block.Err
	}
	block, bucket := o.Block.Value, o.Installation.BucketName
	var found []Finding
	for _, setting := range []struct {
		name string
		on   bool
		lets string
	}{
		{"BlockPublicAcls", block.BlockPublicAcls, "an ACL that makes objects public is accepted"},
		{"IgnorePublicAcls", block.IgnorePublicAcls, "an ACL that makes objects public works"},
		{"BlockPublicPolicy", block.BlockPublicPolicy, "a bucket policy that lets everybody in is accepted"},
		{"RestrictPublicBuckets", block.RestrictPublicBuckets, "a bucket policy that lets everybody in works for other accounts"},
	} {
		if setting.on {
			continue
		}
		found = append(found, Finding{
			Code: "bucket-public-access", Status: Failed,
			What:        fmt.Sprintf("bucket %s does not block public access: %s is off", bucket, setting.name),
			Evidence:    fmt.Sprintf("s3:GetBucketPublicAccessBlock: %s=false", setting.name),
			Consequence: setting.lets,
			Fix: Fix{
				Text: "block all public access",
				Commands: []string{"aws s3api put-public-access-block --bucket " + bucket +
					" --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true"},
			},
		})
	}
	return found, nil
}
