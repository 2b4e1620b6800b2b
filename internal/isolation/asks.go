package isolation

import (
	"maps"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

func keys(key string, values ...string) iam.Context {
	c := iam.Context{}
	c.Set(key, values...)
	return c
}

// objectThrough is an object operation through an access point: AWS asks the access
// point's side and the bucket's (facts AWS §2.3). The zero owner has no policy.
func (s Scheme) objectThrough(accessPoint string, owner tenancy.Tenant, action, key string) []ask {
	c := s.throughAccessPoint(accessPoint, written(action))
	return []ask{
		{action: action, resource: accessPoint + "/object/" + key, policy: s.apPolicy(owner), keys: c},
		{action: action, resource: s.Installation.BucketARN() + "/" + key, policy: s.bucketPolicy(), keys: c},
	}
}

func (s Scheme) objectDirect(action, key string) ask {
	return ask{action: action, resource: s.Installation.BucketARN() + "/" + key, policy: s.bucketPolicy(), keys: written(action)}
}

func (s Scheme) listThrough(accessPoint string, owner tenancy.Tenant, action string, prefix iam.Context) []ask {
	c := s.throughAccessPoint(accessPoint, prefix)
	return []ask{
		{action: action, resource: accessPoint, policy: s.apPolicy(owner), keys: c},
		{action: action, resource: s.Installation.BucketARN(), policy: s.bucketPolicy(), keys: c},
	}
}

func (s Scheme) listDirect(action string, prefix iam.Context) ask {
	return ask{action: action, resource: s.Installation.BucketARN(), policy: s.bucketPolicy(), keys: prefix}
}

// throughAccessPoint adds the keys that AWS sets for requests through an access point.
func (s Scheme) throughAccessPoint(arn string, c iam.Context) iam.Context {
	c = maps.Clone(c)
	if c == nil {
		c = iam.Context{}
	}
	c.Set("s3:DataAccessPointArn", arn)
	c.Set("s3:DataAccessPointAccount", s.Installation.AccountID)
	c.Set("s3:AccessPointNetworkOrigin", "Internet")
	return c
}

// written holds the keys of a well-behaved write: the condition that it must not
// replace anything.
func written(action string) iam.Context {
	if action != "s3:PutObject" {
		return nil
	}
	c := keys("s3:if-none-match", "*")
	c.Set("s3:ObjectCreationOperation", "true")
	return c
}

// key is one use of the KMS key with an encryption context.
func (s Scheme) key(action, encryptionContext string, c iam.Context) ask {
	c = maps.Clone(c)
	if c == nil {
		c = iam.Context{}
	}
	c.Set("kms:EncryptionContext:aws:s3:arn", encryptionContext)
	c.Set("kms:CallerAccount", s.Installation.AccountID)
	return ask{action: action, resource: s.Installation.KMSKeyARN, policy: s.keyPolicy(), mustAllow: true, keys: c}
}

// assume is sts:AssumeRole on the base role, and sts:TagSession when tags are passed
// or inherited: STS asks for each (facts AWS §4.3).
func (s Scheme) assume(sessionName string, c iam.Context, tagKeys ...string) []ask {
	trust := &iam.Policy{Name: "trust policy of the base role", Document: s.BaseRoleTrust}
	return assumeRole(s.Installation.BaseRoleARN(), trust, sessionName, c, tagKeys...)
}

func assumeRole(role string, trust *iam.Policy, sessionName string, c iam.Context, tagKeys ...string) []ask {
	c = maps.Clone(c)
	if c == nil {
		c = iam.Context{}
	}
	c.Set("sts:RoleSessionName", sessionName)
	c.Set("aws:TagKeys", tagKeys...)
	asks := []ask{{action: "sts:AssumeRole", resource: role, policy: trust, mustAllow: true, keys: c}}
	if len(tagKeys) > 0 {
		asks = append(asks, ask{action: "sts:TagSession", resource: role, policy: trust, mustAllow: true, keys: c})
	}
	return asks
}

func (s Scheme) apPolicy(owner tenancy.Tenant) *iam.Policy {
	if owner.ID().IsZero() {
		return nil
	}
	doc := s.AccessPoint(owner)
	if doc == nil {
		return nil
	}
	return &iam.Policy{Name: "policy of " + owner.APName(), Document: doc}
}

func (s Scheme) bucketPolicy() *iam.Policy {
	return &iam.Policy{Name: "policy of bucket " + s.Installation.BucketName, Document: s.Bucket}
}

func (s Scheme) keyPolicy() *iam.Policy {
	return &iam.Policy{Name: "policy of the KMS key", Document: s.Key}
}
