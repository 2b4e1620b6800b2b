package iamapi

// Quotas are the account's limits, in the units in which IAM counts them
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
type Quotas struct {
	Policies           int // customer-managed policies
	Roles              int
	Users              int
	VersionsPerPolicy  int
	AttachedPerRole    int
	AttachedPerUser    int
	AccessKeysPerUser  int
	TagsPerResource    int
	PolicySize         int // characters of a managed policy, without white space
	TrustPolicySize    int // the same, of a trust policy
	InlinePerRole      int // the same, of all inline policies of a role together
	InlinePerUser      int
	PolicyVersionsUsed int // versions of all policies together
}

// DefaultQuotas returns the limits of a new AWS account.
func DefaultQuotas() Quotas {
	return Quotas{
		Policies:           1500,
		Roles:              1000,
		Users:              5000,
		VersionsPerPolicy:  5,
		AttachedPerRole:    10,
		AttachedPerUser:    10,
		AccessKeysPerUser:  2,
		TagsPerResource:    50,
		PolicySize:         6144,
		TrustPolicySize:    2048,
		InlinePerRole:      10240,
		InlinePerUser:      2048,
		PolicyVersionsUsed: 10000,
	}
}
