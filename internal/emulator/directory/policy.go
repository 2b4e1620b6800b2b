package directory

import (
	"errors"
	"strings"
)

// VersionKey is the key of a version in Versions. It has the policy's unique id,
// so that a recreated policy never sees its predecessor's documents.
func VersionKey(policyID, versionID string) string { return policyID + "/" + versionID }

// PolicyByARN returns the managed policy with that ARN, the account's own or one of
// AWS's, or ErrNotFound.
func PolicyByARN(tx Tx, arn string) (Policy, error) {
	if p, _, ok := awsManaged(arn); ok {
		return p, nil
	}
	kind, name, ok := splitARN(arn)
	if !ok || kind != KindPolicy {
		return Policy{}, ErrNotFound
	}
	p, err := Policies.Get(tx, name)
	if err == nil && p.ARN != arn {
		return Policy{}, ErrNotFound
	}
	return p, err
}

// PolicyVersion returns a version of p, or ErrNotFound.
func PolicyVersion(tx Tx, p Policy, versionID string) (Version, error) {
	if _, doc, ok := awsManaged(p.ARN); ok {
		if versionID != p.Default {
			return Version{}, ErrNotFound
		}
		return Version{VersionInfo: p.Versions[0], Document: doc}, nil
	}
	v, err := Versions.Get(tx, VersionKey(p.ID, versionID))
	if tx.replica && errors.Is(err, ErrNotFound) {
		// A policy that is seen brings its default version with it. When the delay was
		// shortened in between, the version alone would still be on its way.
		tx.replica = false
		return Versions.Get(tx, VersionKey(p.ID, versionID))
	}
	return v, err
}

// PolicyText returns the document of the default version of a managed policy, or
// ErrNotFound.
func PolicyText(tx Tx, arn string) (string, error) {
	p, err := PolicyByARN(tx, arn)
	if err != nil {
		return "", err
	}
	v, err := PolicyVersion(tx, p, p.Default)
	return v.Document, err
}

// IsAWSManaged reports whether arn names a policy that AWS manages, existing or not.
func IsAWSManaged(arn string) bool { return strings.HasPrefix(arn, awsManagedPrefix) }
