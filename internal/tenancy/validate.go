package tenancy

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// ErrInstallation is what every failure of New wraps.
var ErrInstallation = errors.New("not a valid installation")

// Limits of AWS on the names of an installation.
const (
	maxAPName      = 50  // the DNS label <name>-<account> has 63 characters (facts AWS §1.1)
	maxPolicyName  = 128 // IAM (facts AWS §5)
	maxRoleName    = 64  // IAM
	dashedLength   = 36
	undashedLength = 32
	// MaxAPPrefix is the longest access point prefix, in characters: 50 less an
	// undashed UUID.
	MaxAPPrefix = maxAPName - undashedLength
	// MaxSessionPolicyPrefix is the longest session policy prefix, in characters.
	MaxSessionPolicyPrefix = maxPolicyName - dashedLength
)

var (
	accountForm = regexp.MustCompile(`^[0-9]{12}$`)
	regionForm  = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]{1,2}$`)
	iamNameForm = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]+$`)
	prefixForm  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)
	keyIDForm   = regexp.MustCompile(`^[A-Za-z0-9-]{1,256}$`)
	// operatorForm: root, or a user or role with its path; no wildcard, no variable.
	operatorForm = regexp.MustCompile(`^(root|(user|role)/[A-Za-z0-9_+=,.@/-]+)$`)
)

// New checks in and returns it with Partition, CASRoleName and SessionPolicyMode filled
// in when they are empty. The error wraps ErrInstallation and lists everything that is wrong.
func New(in Installation) (Installation, error) {
	if in.Partition == "" {
		in.Partition = partitionOf(in.Region)
	}
	if in.CASRoleName == "" {
		in.CASRoleName = in.ControlplaneRoleName
	}
	if in.SessionPolicyMode == "" {
		in.SessionPolicyMode = Managed
	}
	in.OperatorARNs = slices.Clone(in.OperatorARNs)
	in.OwnBucketRoles = slices.Clone(in.OwnBucketRoles)
	err := errors.Join(
		in.checkPlace(),
		in.checkBucket(),
		in.checkKey(in.KMSKeyARN),
		checkAPPrefix(in.APPrefix),
		checkSessionPolicyPrefix(in.SessionPolicyPrefix),
		in.checkSessionPolicyMode(),
		in.checkRoles(),
		in.checkPurge(),
		in.checkOperators(),
		in.checkOwnBucketRoles(),
		in.checkSecrets(),
	)
	if err != nil {
		return Installation{}, fmt.Errorf("%w: %w", ErrInstallation, err)
	}
	return in, nil
}

func partitionOf(region string) string {
	switch {
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	default:
		return "aws"
	}
}

func (in Installation) checkPlace() error {
	var errs []error
	if !accountForm.MatchString(in.AccountID) {
		errs = append(errs, fmt.Errorf("account id %q: want 12 digits", in.AccountID))
	}
	if !regionForm.MatchString(in.Region) {
		errs = append(errs, fmt.Errorf("region %q: want the form eu-west-1", in.Region))
	} else if want := partitionOf(in.Region); in.Partition != want {
		errs = append(errs, fmt.Errorf("partition %q: Region %s belongs to %s", in.Partition, in.Region, want))
	}
	return errors.Join(errs...)
}

func (in Installation) checkKey(arn string) error {
	prefix := in.arn("kms", in.Region, in.AccountID, "")
	rest, ok := strings.CutPrefix(arn, prefix)
	switch {
	case strings.HasPrefix(rest, "alias/") || strings.HasPrefix(arn, "alias/"):
		// KMS resolves an alias in the account of whoever makes the request.
		return fmt.Errorf("KMS key %q is an alias: give the ARN of the key itself, %skey/…", arn, prefix)
	case !ok:
		return fmt.Errorf("KMS key %q: want an ARN in the account and Region of the bucket, %skey/…", arn, prefix)
	}
	if id, ok := strings.CutPrefix(rest, "key/"); !ok || !keyIDForm.MatchString(id) {
		return fmt.Errorf("KMS key %q: want %skey/ followed by the key id", arn, prefix)
	}
	return nil
}

func checkAPPrefix(prefix string) error {
	switch {
	case prefix == "":
		return errors.New("access point prefix is empty: choose one of 1 to 18 characters, such as chainloop-")
	case len(prefix) > MaxAPPrefix:
		return fmt.Errorf("access point prefix %q has %d characters, %d are allowed: an access point name has at most %d, and %d of them are the organization's UUID",
			prefix, len(prefix), MaxAPPrefix, maxAPName, undashedLength)
	case !prefixForm.MatchString(prefix):
		return fmt.Errorf("access point prefix %q: use lowercase letters, digits and hyphens, and begin with a letter or digit", prefix)
	}
	return nil
}

func checkSessionPolicyPrefix(prefix string) error {
	switch {
	case prefix == "":
		return errors.New("session policy prefix is empty: the backend would be allowed to change every policy of the account; choose one such as cas-")
	case len(prefix) > MaxSessionPolicyPrefix:
		return fmt.Errorf("session policy prefix %q has %d characters, %d are allowed: a policy name has at most %d, and %d of them are the organization's UUID",
			prefix, len(prefix), MaxSessionPolicyPrefix, maxPolicyName, dashedLength)
	case !iamNameForm.MatchString(prefix):
		return fmt.Errorf("session policy prefix %q: use letters, digits and _+=,.@-", prefix)
	}
	return nil
}

func (in Installation) checkRoles() error {
	var errs []error
	for _, role := range []struct{ what, name string }{
		{"base role", in.BaseRoleName},
		{"backend role", in.BackendRoleName},
		{"controlplane role", in.ControlplaneRoleName},
		{"cas role", in.CASRoleName},
	} {
		switch {
		case !iamNameForm.MatchString(role.name) || len(role.name) > maxRoleName:
			errs = append(errs, fmt.Errorf("%s name %q: want 1 to %d letters, digits and _+=,.@- (a name, not an ARN or a path)", role.what, role.name, maxRoleName))
		case role.what != "base role" && strings.EqualFold(role.name, in.BaseRoleName):
			errs = append(errs, fmt.Errorf("%s is the base role %q: a workload that already is the base role could act without a session policy", role.what, role.name))
		}
	}
	return errors.Join(errs...)
}

func (in Installation) checkOperators() error {
	var errs []error
	for _, arn := range in.OperatorARNs {
		rest, ok := strings.CutPrefix(arn, in.iamARN(""))
		switch {
		case !ok || !operatorForm.MatchString(rest):
			errs = append(errs, fmt.Errorf("operator %q: want %sroot, …user/NAME or …role/NAME, without wildcards", arn, in.iamARN("")))
		case arn == in.BaseRoleARN() || slices.Contains(in.WorkloadRoleARNs(), arn):
			errs = append(errs, fmt.Errorf("operator %q is a role of the installation itself: it must not list the bucket", arn))
		}
	}
	return errors.Join(errs...)
}
