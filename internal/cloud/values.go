package cloud

import "time"

// AccessPoint is an S3 access point as AWS reports it.
type AccessPoint struct {
	Name          string
	ARN           string
	Alias         string
	Bucket        string
	NetworkOrigin string // "Internet" or "VPC"
	Block         PublicAccessBlock
}

// PublicAccessBlock is the four block public access settings.
type PublicAccessBlock struct {
	BlockPublicAcls       bool
	IgnorePublicAcls      bool
	BlockPublicPolicy     bool
	RestrictPublicBuckets bool
}

// All reports whether all four are on: the only setting that this project creates or
// accepts.
func (b PublicAccessBlock) All() bool {
	return b.BlockPublicAcls && b.IgnorePublicAcls && b.BlockPublicPolicy && b.RestrictPublicBuckets
}

// Policy is an IAM customer-managed policy as a listing tells of it: without document,
// tags and description. A change of the document shows as another DefaultVersion, one of
// the policy that was deleted and made anew as another ID.
type Policy struct {
	Name           string
	ARN            string
	ID             string // unique, "ANPA…"
	DefaultVersion string // "v3"
	Updated        time.Time
}

// PolicyUse is what an account has of customer-managed policies, and may have.
type PolicyUse struct {
	Policies, PoliciesQuota int
	Versions, VersionsQuota int // of all policies together
	DocumentQuota           int // characters of one, without white space
}

// Role is an IAM role.
type Role struct {
	Name        string
	ARN         string
	ID          string // unique id, "AROA…"; another one after the role is recreated
	Description string
	Trust       []byte // trust policy document, JSON
	MaxSession  time.Duration
	Boundary    string // ARN of its permissions boundary; empty: none
}

// Key is a KMS key.
type Key struct {
	ARN     string
	Enabled bool
	// DeletionAt is when a key that waits for its deletion is deleted; zero: it does not.
	DeletionAt time.Time
	Rotates    bool   // every year, by itself
	Policy     []byte // key policy, JSON
}

// Bucket is a bucket of this account with the settings that matter here.
type Bucket struct {
	Name       string
	Region     string
	Block      PublicAccessBlock
	ACLsOff    bool // object ownership BucketOwnerEnforced
	Encryption Encryption
	// UploadDays: unfinished multipart uploads of the whole bucket are removed after so
	// many days; 0: never.
	UploadDays int
	Policy     []byte // JSON; nil: none
}

// Encryption is the default encryption of a bucket.
type Encryption struct {
	Algorithm  string // "aws:kms", "AES256"
	KeyARN     string
	BucketKey  bool
	BlocksSSEC bool // SSE-C is refused (facts AWS §6.3)
}

// Identity is who AWS says the caller is.
type Identity struct {
	AccountID string
	ARN       string
	UserID    string
}

// Secret names a secret of Secrets Manager and says how it is kept.
type Secret struct {
	Name        string
	ARN         string // without the random characters at its end
	Description string
	KeyARN      string // empty: the AWS managed key
	Tags        map[string]string
}

// ObjectVersion is one version of an object, or a delete marker.
type ObjectVersion struct {
	Key       string
	VersionID string // "null" in a bucket without versions
	Size      int64
}
