// Package s3state holds the records that the emulated S3 data plane and S3 Control
// share: buckets, access points and block public access settings.
package s3state

import (
	"errors"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/state"
)

// PublicAccessBlock is the four block public access settings of an account, bucket
// or access point. A request is judged by the most restrictive of the three.
type PublicAccessBlock struct {
	BlockPublicAcls       bool
	IgnorePublicAcls      bool
	BlockPublicPolicy     bool
	RestrictPublicBuckets bool
}

// Union returns the most restrictive combination of p and q.
func (p PublicAccessBlock) Union(q PublicAccessBlock) PublicAccessBlock {
	return PublicAccessBlock{
		BlockPublicAcls:       p.BlockPublicAcls || q.BlockPublicAcls,
		IgnorePublicAcls:      p.IgnorePublicAcls || q.IgnorePublicAcls,
		BlockPublicPolicy:     p.BlockPublicPolicy || q.BlockPublicPolicy,
		RestrictPublicBuckets: p.RestrictPublicBuckets || q.RestrictPublicBuckets,
	}
}

// Bucket is a general purpose bucket and its configuration.
type Bucket struct {
	Name      string
	AccountID string
	Region    string
	Created   time.Time

	PublicAccessBlock *PublicAccessBlock // nil: deleted by DeletePublicAccessBlock
	Policy            []byte             // bound form (gate.Principals); nil: none
	Encryption        Encryption
	Ownership         string // "BucketOwnerEnforced", "" when deleted
	Versioning        string // "", "Enabled", "Suspended"
	Tags              map[string]string
	Lifecycle         []byte // the XML document as put; nil: none
}

// Encryption is a bucket's default encryption.
type Encryption struct {
	Algorithm   string // "AES256", "aws:kms"
	KMSKeyARN   string // as configured; empty for AES256
	BucketKey   bool
	BlockedSSEC bool
}

// AccessPoint is an S3 access point of a general purpose bucket.
type AccessPoint struct {
	Name              string
	AccountID         string
	Region            string
	Bucket            string
	BucketAccountID   string
	Alias             string
	VpcID             string // empty: network origin Internet
	PublicAccessBlock PublicAccessBlock
	Policy            []byte // bound form (gate.Principals); nil: none
	Tags              map[string]string
	Created           time.Time
}

// ARN returns the access point's ARN. Objects through it are ARN + "/object/" + key.
func (ap AccessPoint) ARN() string {
	return "arn:aws:s3:" + ap.Region + ":" + ap.AccountID + ":accesspoint/" + ap.Name
}

// NetworkOrigin returns "Internet" or "VPC".
func (ap AccessPoint) NetworkOrigin() string {
	if ap.VpcID == "" {
		return "Internet"
	}
	return "VPC"
}

// The tables. Buckets are keyed by name, access points by "account/name", aliases
// map to that key, account settings are keyed by account.
const (
	Buckets       state.Table[Bucket]            = "s3/buckets"
	AccessPoints  state.Table[AccessPoint]       = "s3/access-points"
	Aliases       state.Table[string]            = "s3/access-point-aliases"
	AccountBlocks state.Table[PublicAccessBlock] = "s3/account-public-access-blocks"
)

// AccessPointKey is the key of an access point in AccessPoints.
func AccessPointKey(account, name string) string { return account + "/" + name }

// AccessPointByAlias finds an access point by its alias. It is shared (state.Table.Shared).
func AccessPointByAlias(tx state.Tx, alias string) (AccessPoint, error) {
	key, err := Aliases.Get(tx, alias)
	if err != nil {
		return AccessPoint{}, err
	}
	return AccessPoints.Shared(tx, key)
}

// Effective returns the block public access settings that apply to a bucket of
// account: the union of the account's and the bucket's.
func Effective(tx state.Tx, b Bucket) (PublicAccessBlock, error) {
	account, err := AccountBlocks.Get(tx, b.AccountID)
	if err != nil && !errors.Is(err, state.ErrNotFound) {
		return PublicAccessBlock{}, err
	}
	if b.PublicAccessBlock != nil {
		account = account.Union(*b.PublicAccessBlock)
	}
	return account, nil
}
