package awscloud

import (
	"errors"
	"strings"

	"github.com/aws/smithy-go"
)

// Action returns the IAM action that the failed call behind err needs, as in "iam:GetRole",
// and "" if there is none behind it.
func Action(err error) string {
	call, ok := errors.AsType[*smithy.OperationError](err)
	if !ok {
		return ""
	}
	prefix := strings.ToLower(strings.ReplaceAll(call.Service(), " ", ""))
	if prefix == "s3control" {
		prefix = "s3"
	}
	if other, ok := renamed[prefix+":"+call.Operation()]; ok {
		return other
	}
	return prefix + ":" + call.Operation()
}

// renamed are the calls of S3 whose action has another name (service authorization
// reference of Amazon S3).
var renamed = map[string]string{
	"s3:GetBucketEncryption":             "s3:GetEncryptionConfiguration",
	"s3:PutBucketEncryption":             "s3:PutEncryptionConfiguration",
	"s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
	"s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
	"s3:GetPublicAccessBlock":            "s3:GetBucketPublicAccessBlock",
	"s3:PutPublicAccessBlock":            "s3:PutBucketPublicAccessBlock",
	"s3:HeadBucket":                      "s3:ListBucket",
	"s3:ListObjects":                     "s3:ListBucket",
	"s3:ListObjectsV2":                   "s3:ListBucket",
	"s3:ListObjectVersions":              "s3:ListBucketVersions",
	"s3:ListMultipartUploads":            "s3:ListBucketMultipartUploads",
	"s3:HeadObject":                      "s3:GetObject",
	"s3:CreateMultipartUpload":           "s3:PutObject",
	"s3:UploadPart":                      "s3:PutObject",
	"s3:CompleteMultipartUpload":         "s3:PutObject",
	"s3:ListParts":                       "s3:ListMultipartUploadParts",
	"s3:DeleteObjects":                   "s3:DeleteObject",
}
