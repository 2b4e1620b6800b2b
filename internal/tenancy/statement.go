package tenancy

import "github.com/managedcas/managedcas/internal/iam"

// version is the version of every document: the older one has no policy variables.
const version = iam.Version2012

// The actions of a session on its artifacts. There is no delete among them: an
// artifact leaves by the bucket's lifecycle or not at all.
func objectActions() []string {
	return []string{"s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"}
}

// listAction is how a session learns whether an artifact exists: a list of its exact
// key. HEAD answers 403 for what is missing (facts AWS §7.6).
const listAction = "s3:ListBucket"

// everyObjectAction covers what exists for data, for use in a Deny. It is never
// "s3:*": that would lock out whoever has to repair a policy (facts AWS §12.5).
func everyObjectAction() []string {
	return []string{
		"s3:GetObject*", "s3:PutObject*", "s3:DeleteObject*", "s3:RestoreObject",
		"s3:AbortMultipartUpload", "s3:ListMultipartUploadParts",
	}
}

// everyBucketObjectAction adds the data actions that exist on a bucket but not on an
// access point.
func everyBucketObjectAction() []string {
	return append(everyObjectAction(),
		"s3:BypassGovernanceRetention", "s3:Replicate*", "s3:UpdateObjectEncryption")
}

// everyListAction covers objects, versions and multipart uploads.
const everyListAction = "s3:ListBucket*"

// keyActions is what S3 needs of the key for PUT, GET and multipart (facts AWS §6.1).
func keyActions() []string { return []string{"kms:GenerateDataKey", "kms:Decrypt"} }

// keyContext is the condition key of the encryption context that S3 sends to KMS: the
// object's ARN, or the bucket's when the object uses a Bucket Key (facts AWS §6.3).
const keyContext = "kms:EncryptionContext:aws:s3:arn"

func everyone() *iam.Principals { return &iam.Principals{Any: true} }

func principals(arns ...string) *iam.Principals { return &iam.Principals{AWS: arns} }

func when(operator, key string, values ...string) iam.Condition {
	return iam.Condition{Operator: operator, Key: key, Values: values}
}

func document(statements ...iam.Statement) *iam.Document {
	return &iam.Document{Version: version, Statements: statements}
}
