package kmsapi

import (
	"strings"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// How KMS answers to names of keys that it does not have, as clients have seen it: a key
// id that is none (https://github.com/aws/aws-cli/issues/4507), an ARN of another Region
// (https://github.com/kubernetes-retired/kube-aws/issues/1041), a key that does not exist
// (https://github.com/minio/minio/issues/6582), a key of another account
// (https://repost.aws/knowledge-center/cross-account-access-denied-error-s3).

// nameless is the clause by which KMS tells nobody whether another account has a key.
const nameless = "because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access"

// notOurs is the answer to an ARN that is not of this account and Region. There is one
// account here, so that a key of another never allows anything.
func (s *Service) notOurs(arn string) *api.Error {
	part := strings.SplitN(arn, ":", 6)
	switch {
	case len(part) < 6 || part[2] != "kms":
		return failure("NotFoundException", "Invalid arn %s", arn)
	case part[3] != s.cfg.Region:
		return failure("NotFoundException", "Invalid arn %s", part[3])
	case part[4] != s.cfg.AccountID:
		return accessDenied("You are not authorized to use the resource %s %s", arn, nameless)
	}
	return failure("NotFoundException", "Invalid arn %s", arn)
}

// notYours is notOurs for one who is about to use the key.
func notYours(caller *api.Caller, action, arn string) *api.Error {
	return accessDenied("User: %s is not authorized to perform: %s on resource: %s %s", caller.ARN, action, arn, nameless)
}

// noSuchKey is the answer to a key id that no key has.
func (s *Service) noSuchKey(id string) *api.Error {
	if uuid.Validate(id) != nil {
		return failure("NotFoundException", "Invalid keyId %s", id)
	}
	return notFound("Key '" + s.keyARN(id) + "'")
}
