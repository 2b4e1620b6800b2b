package isolation

import (
	"slices"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// PurgeRolePolicy is missing: the purge role may do everything to everything. Only an
// installation that purges has this layer.
const PurgeRolePolicy Layer = "purge role policy"

// layers are those of this scheme.
func (s Scheme) layers() []Layer {
	if s.Purge == nil {
		return Layers()
	}
	return append(Layers(), PurgeRolePolicy)
}

// purgeSession is a session of the purge role for one organization.
func (s Scheme) purgeSession(of tenancy.Tenant) actor {
	in := s.Installation
	return actor{
		name:      "purge of " + of.ID().String(),
		principal: sessionARN(in, in.PurgeRoleName, of.PurgeSessionName()),
		role:      in.PurgeRoleARN(),
		userID:    "AROAPURGEROLE:" + of.PurgeSessionName(),
		tags:      of.PurgeSessionTags(),
		identity:  []iam.Policy{{Name: "permissions of the purge role", Document: s.Purge}},
	}
}

func (s Scheme) assumePurge(sessionName string, c iam.Context, tagKeys ...string) []ask {
	trust := &iam.Policy{Name: "trust policy of the purge role", Document: s.PurgeTrust}
	return assumeRole(s.Installation.PurgeRoleARN(), trust, sessionName, c, tagKeys...)
}

// ownPurge is what must work where there is a purge.
func (s Scheme) ownPurge(self tenancy.Tenant) []trial {
	if s.Purge == nil {
		return nil
	}
	t := &attempts{scheme: s, self: self}
	purger, key := s.purgeSession(self), self.ObjectKey(digest.Of([]byte("an artifact")))
	for _, action := range []string{"s3:DeleteObjectVersion", "s3:AbortMultipartUpload"} {
		t.add(purger, action, "bucket", key, s.objectDirect(action, key))
	}
	t.add(purger, "s3:ListBucketVersions", "bucket", self.KeyPrefix(), s.listDirect("s3:ListBucketVersions", keys("s3:prefix", self.KeyPrefix())))
	tag := keys("aws:RequestTag/"+tenancy.PurgeTag, self.ID().String())
	t.add(s.backend(), "sts:AssumeRole", "STS", "purge one organization", s.assumePurge(self.PurgeSessionName(), tag, purgeTagKeys()...)...)
	return t.all
}

// purgeTagKeys is what AssumeRole carries from EKS Pod Identity.
func purgeTagKeys() []string {
	return append([]string{tenancy.PurgeTag}, podIdentityTagKeys()[1:]...)
}

// foreignPurge returns every attempt of a purge of self on what belongs to other, on its
// own artifacts in another way than to delete them, and of everybody to become a purge.
func (s Scheme) foreignPurge(self, other tenancy.Tenant, missing Layer) []trial {
	if s.Purge == nil {
		return nil
	}
	t := &attempts{scheme: s, self: self, other: other, stray: strayAccessPoint(self, other)}
	purger := s.purgeSession(self)
	t.objects(purger)
	t.listings(purger)
	t.ownOtherwise(purger)
	t.purgeAssumptions(purger)
	if missing != PurgeRolePolicy { // an administrator's permissions are an administrator's
		t.management(purger)
		t.key(purger)
	}
	return t.all
}

// ownOtherwise is what a purge must not do to the artifacts that it deletes.
func (t *attempts) ownOtherwise(a actor) {
	mine := t.self.ObjectKey(digest.Of([]byte("an artifact")))
	for _, action := range objectActions() {
		t.addOwned(a, action, "own access point", mine, t.scheme.objectThrough(t.self.APARN(), t.self, action, mine)...)
		if !slices.Contains([]string{"s3:DeleteObjectVersion", "s3:AbortMultipartUpload"}, action) {
			t.addOwned(a, action, "bucket", mine, t.scheme.objectDirect(action, mine))
		}
	}
}

func (t *attempts) purgeAssumptions(purger actor) {
	s := t.scheme
	self, other := t.self.ID().String(), t.other.ID().String()
	tag := func(value string) iam.Context { return keys("aws:RequestTag/"+tenancy.PurgeTag, value) }
	for _, a := range []actor{s.tenantSession(t.self, t.self), s.controlplane(), s.administrator(), purger} {
		t.add(a, "sts:AssumeRole", "STS", "purge the other", s.assumePurge(t.other.PurgeSessionName(), tag(other), tenancy.PurgeTag)...)
	}
	t.add(purger, "sts:AssumeRole", "STS", "as the other", s.assume(t.other.SessionName(), keys("aws:RequestTag/org", other), "org")...)
	for _, m := range []struct {
		target, name string
		keys         iam.Context
		tagKeys      []string
	}{
		{"purge: own name, other's tag", t.self.PurgeSessionName(), tag(other), []string{tenancy.PurgeTag}},
		{"purge: other's name, own tag", t.other.PurgeSessionName(), tag(self), []string{tenancy.PurgeTag}},
		{"purge: a tenant's session name", t.other.SessionName(), tag(other), []string{tenancy.PurgeTag}},
		{"purge: no tag", t.other.PurgeSessionName(), nil, nil},
		{"purge: the tag of a tenant's session", t.other.PurgeSessionName(), keys("aws:RequestTag/org", other), []string{"org"}},
		{"purge: not a UUID", "purge-everything", tag("everything"), []string{tenancy.PurgeTag}},
		{"purge: a tag too many", t.other.PurgeSessionName(), tag(other), []string{tenancy.PurgeTag, "org"}},
	} {
		t.add(s.backend(), "sts:AssumeRole", "STS", m.target, s.assumePurge(m.name, m.keys, m.tagKeys...)...)
	}
}
