package awscloud

import (
	"sync"

	"github.com/managedcas/managedcas/internal/cloud"
)

// codes lists AWS's error codes by outcome. Sources: facts AWS §1.3 (S3 Control),
// §4.6 (STS), §5 (IAM), §6.1 (KMS), §7 (S3), and the services' API references. One
// code means one thing wherever it is used, except where noted.
func codes() map[error][]string {
	return map[error][]string{
		cloud.ErrNotFound: {
			"NoSuchAccessPoint", "NoSuchAccessPointPolicy",
			"NoSuchKey", "NotFound", "NoSuchBucket", "NoSuchBucketPolicy",
			"NoSuchLifecycleConfiguration", "NoSuchPublicAccessBlockConfiguration",
			"OwnershipControlsNotFoundError", "ServerSideEncryptionConfigurationNotFoundError",
			"NoSuchEntity", "NoSuchEntityException", "NotFoundException", "ResourceNotFoundException",
		},
		// An upload in parts that cannot be completed any more (facts AWS §7.3).
		cloud.ErrUploadGone: {"NoSuchUpload", "InvalidPart", "InvalidPartOrder", "EntityTooSmall"},
		cloud.ErrExists: {
			"AccessPointAlreadyOwnedByYou", "BucketAlreadyOwnedByYou", "PreconditionFailed",
			"EntityAlreadyExists", "EntityAlreadyExistsException", "AlreadyExistsException", "ResourceExistsException",
		},
		cloud.ErrDenied: {
			"AccessDenied", "AccessDeniedException", "Forbidden", "SignatureDoesNotMatch",
		},
		// A deleted role's session is "InvalidAccessKeyId" to S3 and
		// "InvalidClientTokenId" to the others (facts AWS §3.3).
		cloud.ErrExpired: {
			"ExpiredToken", "ExpiredTokenException", "InvalidToken",
			"InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException",
		},
		cloud.ErrThrottled: {
			"Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException",
			"RequestLimitExceeded", "SlowDown", "KMS.ThrottlingException",
		},
		cloud.ErrLimit: {
			"LimitExceeded", "LimitExceededException", "TooManyAccessPoints", "TooManyBuckets",
			"EntityTooLarge", "PackedPolicyTooLarge", "PackedPolicyTooLargeException",
		},
		// The second is another engine's name for the first (facts AWS §7.1); the third
		// is the signed payload hash.
		cloud.ErrBadDigest: {
			"BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch", "InvalidDigest",
		},
		cloud.ErrConflict: {
			"ConditionalRequestConflict", "OperationAborted", "DeleteConflict",
			"ConcurrentModification", "ConcurrentModificationException",
			"InvalidRequestException", // of Secrets Manager: the secret waits for its deletion
		},
		cloud.ErrMalformedPolicy: {
			"MalformedPolicy", "MalformedPolicyDocument", "MalformedPolicyDocumentException",
		},
		cloud.ErrKeyUnusable: {
			"KMS.DisabledException", "KMS.KMSInvalidStateException", "KMS.NotFoundException",
			"DisabledException", "KMSInvalidStateException", "EncryptionFailure", "DecryptionFailure",
		},
		cloud.ErrUnavailable: {
			"InternalError", "InternalFailure", "ServiceUnavailable", "ServiceFailure",
			"ServiceFailureException", "KMSInternalException", "DependencyTimeoutException",
			"RequestTimeout", "RequestTimeoutException", "InternalServiceError",
			"IncompleteBody", // the connection broke within it
		},
		cloud.ErrRange:       {"InvalidRange"},
		cloud.ErrUnsupported: {"NotImplemented"},
		// The name belongs to another account: AWS answers 409, but waiting is no use.
		cloud.ErrInvalid: {"BucketAlreadyExists"},
	}
}

// outcomes is codes by code.
var outcomes = sync.OnceValue(func() map[string]error {
	byCode := map[string]error{}
	for outcome, list := range codes() {
		for _, code := range list {
			byCode[code] = outcome
		}
	}
	return byCode
})
