package tenancy

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
)

// OwnBucket is where an organization keeps its artifacts itself: a bucket of its own, and
// the role of its own account that this installation assumes to reach it.
type OwnBucket struct {
	Name    string
	Region  string
	RoleARN string
	// ExternalID is what the role asks for. This installation makes one for each
	// organization: one that a customer could choose would protect nobody (the confused
	// deputy; https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html).
	ExternalID string
}

// ErrOwnBucket is what the failures of CheckOwnBucket wrap. They are for whoever wrote the
// coordinates down.
var ErrOwnBucket = errors.New("not usable as an organization's own bucket")

// roleForm: an account, and a role with its path. No wildcard, no variable.
var roleForm = regexp.MustCompile(`^arn:(aws[a-z-]*):iam::([0-9]{12}):role/((?:[\x21-\x7e]{1,510}/)?)([A-Za-z0-9_+=,.@-]{1,64})$`)

// OwnBuckets reports whether organizations may bring their own buckets.
func (in Installation) OwnBuckets() bool { return len(in.OwnBucketRoles) > 0 }

// CheckOwnBucket refuses coordinates that are none, that the operator does not allow, or
// that are this installation's: whoever names those would have us act for him on what is
// not his.
func (in Installation) CheckOwnBucket(b OwnBucket) error {
	if err := in.checkOwnBucket(b); err != nil {
		return fmt.Errorf("%w: %w", ErrOwnBucket, err)
	}
	return nil
}

func (in Installation) checkOwnBucket(b OwnBucket) error {
	if err := checkBucketName(b.Name); err != nil {
		return err
	}
	if !regionForm.MatchString(b.Region) || partitionOf(b.Region) != in.Partition {
		return fmt.Errorf("region %q: want the Region of the bucket, such as eu-west-1", b.Region)
	}
	role := roleForm.FindStringSubmatch(b.RoleARN)
	if role == nil || role[1] != in.Partition || strings.ContainsAny(role[3], "*?$") {
		return fmt.Errorf("roleArn %q: want the ARN of a role, such as arn:%s:iam::ACCOUNT:role/NAME", b.RoleARN, in.Partition)
	}
	if b.Name == in.BucketName {
		return errors.New("this bucket cannot be used")
	}
	if account := role[2]; account == in.AccountID && in.ownRole(role[4]) || !in.allowsRole(b.RoleARN, account) {
		return errors.New("this role cannot be used: the operator of the installation says which roles may be (cas.ownBuckets.roleArns)")
	}
	return nil
}

// Account returns the account of the role, which must own the bucket as well.
func (b OwnBucket) Account() string {
	if role := roleForm.FindStringSubmatch(b.RoleARN); role != nil {
		return role[2]
	}
	return ""
}

// ownRole: IAM role names are unique without regard to case (facts AWS §5).
func (in Installation) ownRole(name string) bool {
	own := []string{in.BaseRoleName, in.BackendRoleName, in.ControlplaneRoleName, in.CASRoleName, in.PurgeRoleName}
	return slices.ContainsFunc(own, func(role string) bool { return strings.EqualFold(role, name) })
}

// allowsRole: the roles of the installation's own account are allowed by a pattern that
// names the account, and not by one that means everybody's.
func (in Installation) allowsRole(arn, account string) bool {
	return slices.ContainsFunc(in.OwnBucketRoles, func(pattern string) bool {
		return iam.ARNMatches(pattern, arn) && (account != in.AccountID || accountOf(pattern) == account)
	})
}

func accountOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[4]
	}
	return ""
}

// checkOwnBucketRoles refuses patterns that would let more in than roles.
func (in Installation) checkOwnBucketRoles() error {
	var errs []error
	for _, pattern := range in.OwnBucketRoles {
		parts := strings.SplitN(pattern, ":", 6)
		switch {
		case len(parts) != 6 || parts[0] != "arn" || parts[1] != in.Partition || parts[2] != "iam" || parts[3] != "" ||
			parts[4] != "*" && !accountForm.MatchString(parts[4]) || strings.Contains(pattern, "$"):
			errs = append(errs, fmt.Errorf("role pattern %q of own buckets: want arn:%s:iam::ACCOUNT:role/…, with * for any account", pattern, in.Partition))
		case !strings.HasPrefix(parts[5], "role/") || len(parts[5]) == len("role/"):
			errs = append(errs, fmt.Errorf("role pattern %q of own buckets: want role/ and a name or a pattern after the account", pattern))
		}
	}
	return errors.Join(errs...)
}
