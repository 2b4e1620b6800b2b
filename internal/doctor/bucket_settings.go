package doctor

import (
	"errors"
	"fmt"
	"strings"

	"github.com/managedcas/managedcas/internal/cloud"
)

// ownership: with ACLs an object can be given to others, or be somebody else's.
func ownership(o Observation) ([]Finding, error) {
	bucket := o.Installation.BucketName
	if o.Ownership.Err != nil {
		return nil, o.Ownership.Err
	}
	if o.Ownership.Value == cloud.BucketOwnerEnforced {
		return nil, nil
	}
	evidence := "s3:GetBucketOwnershipControls: " + o.Ownership.Value
	if o.Ownership.Value == "" {
		evidence = "s3:GetBucketOwnershipControls: none are set"
	}
	return []Finding{{
		Code: "bucket-acls", Status: Failed,
		What:        fmt.Sprintf("bucket %s has ACLs: object ownership is not %s", bucket, cloud.BucketOwnerEnforced),
		Evidence:    evidence,
		Consequence: "an ACL can grant what no policy grants, and objects may belong to other accounts",
		Fix: Fix{
			Text: "turn ACLs off",
			Commands: []string{"aws s3api put-bucket-ownership-controls --bucket " + bucket +
				" --ownership-controls 'Rules=[{ObjectOwnership=BucketOwnerEnforced}]'"},
		},
	}}, nil
}

// encryption is about the default, which all writes of the engines have.
func encryption(o Observation) ([]Finding, error) {
	if o.Encryption.Err != nil {
		return nil, o.Encryption.Err
	}
	have, in := o.Encryption.Value, o.Installation
	evidence := fmt.Sprintf("s3:GetEncryptionConfiguration: SSEAlgorithm=%s, KMSMasterKeyID=%s, BucketKeyEnabled=%t, SSE-C blocked=%t",
		have.Algorithm, have.KeyARN, have.BucketKey, have.BlocksSSEC)
	fix := Fix{
		Text: "encrypt with the installation's key by default; what is stored already stays as it is",
		Commands: []string{"aws s3api put-bucket-encryption --bucket " + in.BucketName + " --server-side-encryption-configuration " +
			quoted(`{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"aws:kms","KMSMasterKeyID":"`+in.KMSKeyARN+
				`"},"BucketKeyEnabled":true,"BlockedEncryptionTypes":{"EncryptionType":["SSE-C"]}}]}`)},
	}
	finding := func(code string, status Status, what, consequence string) Finding {
		return Finding{Code: code, Status: status, What: fmt.Sprintf("bucket %s %s", in.BucketName, what), Evidence: evidence, Consequence: consequence, Fix: fix}
	}
	unprotected := "artifacts are not protected by the policy of the installation's key"
	switch have.Algorithm {
	case "aws:kms":
	case "":
		return []Finding{finding("bucket-encryption-missing", Failed, "has no default encryption of its own", unprotected)}, nil
	case "AES256":
		return []Finding{finding("bucket-encryption-sse-s3", Failed, "encrypts with a key of S3 by default, not with SSE-KMS", unprotected)}, nil
	case "aws:kms:dsse":
		return []Finding{finding("bucket-encryption-dsse", Failed, "encrypts twice by default (DSSE-KMS)", "there is no Bucket Key for it: every request costs a call of KMS; and tools that name the encryption, as the bucket policy accepts it, store artifacts in another way")}, nil
	default:
		return []Finding{finding("bucket-encryption-other", Failed, "encrypts by default with "+have.Algorithm, unprotected)}, nil
	}
	key, err := o.defaultKey()
	switch {
	case err != nil && !errors.Is(err, cloud.ErrNotFound):
		return nil, err
	case err != nil:
		return []Finding{finding("bucket-encryption-key-missing", Failed, "encrypts by default with a key that does not exist", "no artifact can be stored")}, nil
	case key == awsManagedKey:
		return []Finding{finding("bucket-encryption-aws-key", Failed, "encrypts by default with the AWS managed key aws/s3", "nobody can say who may use that key: its policy cannot be changed; organizations' sessions may not use it, and store nothing")}, nil
	case key != in.KMSKeyARN:
		return []Finding{finding("bucket-encryption-other-key", Failed, "encrypts by default with another key than kmsKeyArn", "organizations' sessions may not use that key: they store nothing, and read nothing that is encrypted with it")}, nil
	}
	var found []Finding
	if !have.BucketKey {
		found = append(found, finding("bucket-key-off", Warning, "has no Bucket Key", "every upload and download costs a call of KMS, and counts against its quota"))
	}
	if !have.BlocksSSEC {
		found = append(found, finding("bucket-encryption-ssec", Warning, "accepts keys that clients bring (SSE-C)", "only the bucket policy is in the way of artifacts that nobody else can read"))
	}
	return found, nil
}

// awsManagedKey stands for S3's own key in the account, whatever its ARN is.
const awsManagedKey = "alias/aws/s3"

// defaultKey is the ARN of the key of the bucket's default encryption, which S3 takes as an
// ARN, an id or an alias. A name that is not an ARN is resolved in the account of whoever
// asks (facts AWS §6.3), and all who ask are of this one.
func (o Observation) defaultKey() (string, error) {
	name := o.Encryption.Value.KeyARN
	switch {
	case name == "" || strings.HasSuffix(name, awsManagedKey):
		return awsManagedKey, nil
	case name == o.Installation.KMSKeyARN || "key/"+name == o.Installation.KMSKeyARN[strings.LastIndex(o.Installation.KMSKeyARN, ":")+1:]:
		return o.Installation.KMSKeyARN, nil
	case strings.Contains(name, ":key/") && o.DefaultKey.Err != nil && !errors.Is(o.DefaultKey.Err, cloud.ErrNotFound):
		return name, nil // another key, whatever it is
	case o.DefaultKey.Err != nil:
		return "", o.DefaultKey.Err
	case o.DefaultKey.Value.Manager == "AWS":
		return awsManagedKey, nil
	}
	return o.DefaultKey.Value.ARN, nil
}
