package conform

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// encryptionContextProbes ask which aws:s3:arn S3 gives to KMS for an object that is
// written through an access point: roles that may use the key with one value only say
// which one it was.
func encryptionContextProbes() []probe {
	written := func(bucketKey bool) func(*testing.T, Target) string {
		return func(t *testing.T, target Target) string {
			bucket := newBucket(t, target)
			ap, key := newAccessPoint(t, target, bucket), newKey(t, target)
			encryptWith(t, target, bucket, key, bucketKey)
			setPolicy(t, target, bucket, delegation(bucket, target.AccountID, "s3:PutObject"))
			var fits []string
			for _, candidate := range []struct{ name, arn string }{
				{"bucket", "arn:aws:s3:::" + bucket},
				{"object", "arn:aws:s3:::" + bucket + "/mine/x"},
				{"access point", ap},
				{"object of the access point", ap + "/object/mine/x"},
			} {
				r := newRole(t, target, objectsOf(ap),
					allow(key, "kms:GenerateDataKey", "kms:Decrypt").when("StringEquals", "kms:EncryptionContext:aws:s3:arn", candidate.arn))
				client := s3.NewFromConfig(r.assume(t, target, sts.AssumeRoleInput{}))
				got := target.observe(t, func() error {
					return failure(client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &ap, Key: aws.String("mine/x"), Body: strings.NewReader("data")}))
				})
				if got == allowedAnswer {
					fits = append(fits, candidate.name)
				}
			}
			if fits == nil {
				return "none of bucket, object and access point"
			}
			return strings.Join(fits, ", ") + " ARN"
		}
	}
	return []probe{
		{"P8", "encryption context of a write through an access point, Bucket Key on", "bucket ARN", written(true)},
		{"P8", "same, off", "object ARN", written(false)},
	}
}
