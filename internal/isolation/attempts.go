package isolation

import (
	"slices"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// trial is an Attempt with all that is needed to evaluate it.
type trial struct {
	Attempt
	actor actor
	asks  []ask
}

// attempts collects what one organization's side tries against another's.
type attempts struct {
	scheme Scheme
	self   tenancy.Tenant
	other  tenancy.Tenant
	stray  string // ARN of an access point of the installation that belongs to nobody
	all    []trial
}

func (t *attempts) add(a actor, action, route, target string, asks ...ask) {
	t.all = append(t.all, trial{Attempt{Actor: a.name, Action: action, Route: route, Target: target}, a, asks})
}

// addOwned is add for a target that is the actor's own, by a way that is not.
func (t *attempts) addOwned(a actor, action, route, target string, asks ...ask) {
	t.add(a, action, route, target, asks...)
	t.all[len(t.all)-1].Owned = true
}

// foreign returns every attempt on what belongs to other. With a confused session
// policy the session of self carries other's (DESIGN I8e).
func (s Scheme) foreign(self, other tenancy.Tenant, confused bool) []trial {
	t := &attempts{scheme: s, self: self, other: other, stray: strayAccessPoint(self, other)}
	policyOf := self
	if confused {
		policyOf = other
	}
	session := s.tenantSession(self, policyOf)
	for _, a := range []actor{session, s.backend(), s.controlplane()} {
		t.objects(a)
		t.listings(a)
	}
	t.management(session)
	t.key(session)
	t.assumptions(session)
	return t.all
}

// strayAccessPoint returns the ARN of an access point with a name like a tenant's and
// nobody's policy, such as a failed clean-up leaves behind.
func strayAccessPoint(self, other tenancy.Tenant) string {
	name := []byte(self.APARN())
	for _, name[len(name)-1] = range []byte("012") { // two of three may be taken
		if arn := string(name); arn != self.APARN() && arn != other.APARN() {
			break
		}
	}
	return string(name)
}

// objectActions is every data action of S3 on objects that a policy can name.
func objectActions() []string {
	return []string{
		"s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectAttributes", "s3:GetObjectAcl",
		"s3:GetObjectTagging", "s3:GetObjectRetention", "s3:GetObjectLegalHold",
		"s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectTagging", "s3:PutObjectRetention",
		"s3:PutObjectLegalHold", "s3:DeleteObject", "s3:DeleteObjectVersion",
		"s3:DeleteObjectTagging", "s3:RestoreObject", "s3:AbortMultipartUpload",
		"s3:ListMultipartUploadParts", "s3:BypassGovernanceRetention", "s3:ReplicateObject",
		"s3:UpdateObjectEncryption",
	}
}

func (t *attempts) objects(a actor) {
	own, theirs := t.self.KeyPrefix(), t.other.KeyPrefix()
	content := digest.Of([]byte("an artifact"))
	keys := []string{
		t.other.ObjectKey(content),
		theirs + "healthcheck",
		// Keys that try to look like the session's own to a wildcard that crosses slashes.
		theirs + "object/" + own + content.String(),
		theirs + own + content.String(),
	}
	for _, action := range objectActions() {
		for _, key := range keys {
			t.add(a, action, "own access point", key, t.scheme.objectThrough(t.self.APARN(), t.self, action, key)...)
			t.add(a, action, "other's access point", key, t.scheme.objectThrough(t.other.APARN(), t.other, action, key)...)
			t.add(a, action, "stray access point", key, t.scheme.objectThrough(t.stray, tenancy.Tenant{}, action, key)...)
			t.add(a, action, "bucket", key, t.scheme.objectDirect(action, key))
		}
		mine := t.self.ObjectKey(content)
		t.addOwned(a, action, "other's access point", mine, t.scheme.objectThrough(t.other.APARN(), t.other, action, mine)...)
	}
}

func (t *attempts) listings(a actor) {
	theirs := t.other.KeyPrefix()
	prefixes := []iam.Context{
		nil,
		keys("s3:prefix", ""),
		keys("s3:prefix", theirs),
		keys("s3:prefix", theirs+digest.Prefix),
		keys("s3:prefix", theirs[:8]),
	}
	for _, action := range []string{"s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"} {
		for _, prefix := range prefixes {
			target := "no prefix"
			if value, ok := prefix.Get("s3:prefix"); ok {
				target = "prefix " + value[0]
			}
			t.add(a, action, "own access point", target, t.scheme.listThrough(t.self.APARN(), t.self, action, prefix)...)
			t.add(a, action, "other's access point", target, t.scheme.listThrough(t.other.APARN(), t.other, action, prefix)...)
			t.add(a, action, "stray access point", target, t.scheme.listThrough(t.stray, tenancy.Tenant{}, action, prefix)...)
			t.add(a, action, "bucket", target, t.scheme.listDirect(action, prefix))
		}
		mine := keys("s3:prefix", t.self.KeyPrefix())
		t.addOwned(a, action, "other's access point", "own prefix", t.scheme.listThrough(t.other.APARN(), t.other, action, mine)...)
	}
}

// management is what would take the scheme itself apart.
func (t *attempts) management(a actor) {
	s, in := t.scheme, t.scheme.Installation
	sessionPolicy := t.other.SessionPolicyARN()
	if passed := t.other.PassedPolicy().ARN; passed != "" {
		sessionPolicy = passed
	}
	for _, m := range []struct {
		resource string
		policy   *iam.Policy
		must     bool
		actions  []string
	}{
		{t.other.APARN(), s.apPolicy(t.other), false, []string{
			"s3:CreateAccessPoint", "s3:DeleteAccessPoint", "s3:PutAccessPointPolicy",
			"s3:DeleteAccessPointPolicy", "s3:GetAccessPointPolicy"}},
		{in.BucketARN(), s.bucketPolicy(), false, []string{
			"s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:GetBucketPolicy", "s3:DeleteBucket",
			"s3:PutLifecycleConfiguration", "s3:PutReplicationConfiguration", "s3:PutEncryptionConfiguration",
			"s3:PutBucketPublicAccessBlock"}},
		{sessionPolicy, nil, false, []string{
			"iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion", "iam:DeletePolicy", "iam:GetPolicyVersion"}},
		{in.BaseRoleARN(), nil, false, []string{
			"iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:DeleteRole", "iam:TagRole"}},
		{in.KMSKeyARN, s.keyPolicy(), true, []string{
			"kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:DisableKey"}},
	} {
		for _, action := range m.actions {
			t.add(a, action, "management", m.resource, ask{action: action, resource: m.resource, policy: m.policy, mustAllow: m.must})
		}
	}
}

// key is use of the KMS key: directly, through another service, and through S3 for
// an object of other that is encrypted without a Bucket Key.
func (t *attempts) key(a actor) {
	in := t.scheme.Installation
	object := in.BucketARN() + "/" + t.other.ObjectKey(digest.Of([]byte("an artifact")))
	for _, action := range []string{
		"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext",
		"kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:CreateGrant",
	} {
		for _, from := range []struct {
			route string
			keys  iam.Context
		}{
			{"KMS", nil},
			{"KMS through EC2", keys("kms:ViaService", "ec2."+in.Region+".amazonaws.com")},
			{"KMS through S3", keys("kms:ViaService", "s3."+in.Region+".amazonaws.com")},
		} {
			t.add(a, action, from.route, object, t.scheme.key(action, object, from.keys))
		}
	}
}

// assumptions is every way to become other, or somebody in between.
func (t *attempts) assumptions(session actor) {
	s := t.scheme
	self, other := t.self.ID().String(), t.other.ID().String()
	for _, a := range []actor{session, s.administrator()} {
		t.add(a, "sts:AssumeRole", "STS", "as the other", s.assume(t.other.SessionName(), keys("aws:RequestTag/org", other), "org")...)
		t.add(a, "sts:AssumeRole", "STS", "without a tag", s.assume(t.other.SessionName(), nil)...)
	}
	for _, a := range []actor{s.backend(), s.controlplane()} {
		for _, m := range []struct {
			target, name string
			keys         iam.Context
			tagKeys      []string
		}{
			{"own name, other's tag", t.self.SessionName(), keys("aws:RequestTag/org", other), []string{"org"}},
			{"other's name, own tag", t.other.SessionName(), keys("aws:RequestTag/org", self), []string{"org"}},
			{"no tag", t.other.SessionName(), nil, nil},
			{"empty tag", "cas-", keys("aws:RequestTag/org", ""), []string{"org"}},
			{"bare name", other, keys("aws:RequestTag/org", other), []string{"org"}},
			{"not a UUID", "cas-admin", keys("aws:RequestTag/org", "admin"), []string{"org"}},
			{"a tag too many", t.other.SessionName(), keys("aws:RequestTag/org", other), []string{"org", "team"}},
		} {
			t.add(a, "sts:AssumeRole", "STS", m.target, s.assume(m.name, m.keys, m.tagKeys...)...)
		}
	}
}

// own returns what must work: an organization's session on its own artifacts, and
// every workload becoming that organization.
func (s Scheme) own(self tenancy.Tenant) []trial {
	t := &attempts{scheme: s, self: self}
	in := s.Installation
	session := s.tenantSession(self, self)
	key := self.ObjectKey(digest.Of([]byte("an artifact")))
	viaS3 := keys("kms:ViaService", "s3."+in.Region+".amazonaws.com")
	viaS3.Set("kms:CallerAccount", in.AccountID)
	for _, encrypted := range []struct{ how, context string }{
		{"own access point, Bucket Key", in.BucketARN()},
		{"own access point, key per object", in.BucketARN() + "/" + key},
	} {
		for action, uses := range map[string][]string{
			"s3:GetObject":                {"kms:Decrypt"},
			"s3:PutObject":                {"kms:GenerateDataKey", "kms:Decrypt"},
			"s3:AbortMultipartUpload":     nil,
			"s3:ListMultipartUploadParts": nil,
		} {
			asks := s.objectThrough(self.APARN(), self, action, key)
			for _, use := range uses {
				asks = append(asks, s.key(use, encrypted.context, viaS3))
			}
			t.add(session, action, encrypted.how, key, asks...)
		}
	}
	t.add(session, "s3:ListBucket", "own access point", key,
		s.listThrough(self.APARN(), self, "s3:ListBucket", keys("s3:prefix", key))...)
	for _, a := range []actor{s.backend(), s.controlplane()} {
		tag := keys("aws:RequestTag/org", self.ID().String())
		t.add(a, "sts:AssumeRole", "STS", "one organization", s.assume(self.SessionName(), tag, "org")...)
		t.add(a, "sts:AssumeRole", "STS", "one organization, from EKS Pod Identity", s.assume(self.SessionName(), tag, podIdentityTagKeys()...)...)
	}
	slices.SortStableFunc(t.all, func(a, b trial) int { return a.compare(b.Attempt) })
	return t.all
}

// podIdentityTagKeys is what AssumeRole carries when the workload's own session has
// the transitive tags of EKS Pod Identity (facts AWS §8).
func podIdentityTagKeys() []string {
	return []string{
		"org", "eks-cluster-arn", "eks-cluster-name", "kubernetes-namespace",
		"kubernetes-service-account", "kubernetes-pod-name", "kubernetes-pod-uid",
	}
}
