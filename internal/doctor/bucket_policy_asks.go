package doctor

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// objectActions is every data action of S3 on objects that a policy can name.
func objectActions() []string {
	return []string{
		"s3:GetObject", "s3:PutObject", "s3:DeleteObject",
		"s3:GetObjectVersion", "s3:GetObjectAttributes", "s3:GetObjectAcl",
		"s3:GetObjectTagging", "s3:GetObjectRetention", "s3:GetObjectLegalHold",
		"s3:PutObjectAcl", "s3:PutObjectTagging", "s3:PutObjectRetention",
		"s3:PutObjectLegalHold", "s3:DeleteObjectVersion", "s3:DeleteObjectTagging",
		"s3:RestoreObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts",
		"s3:BypassGovernanceRetention", "s3:ReplicateObject", "s3:UpdateObjectEncryption",
		"s3:GetObjectVersionForReplication", "s3:GetObjectVersionAttributes", "s3:GetObjectVersionAcl",
		"s3:GetObjectVersionTagging", "s3:PutObjectVersionAcl", "s3:PutObjectVersionTagging",
		"s3:DeleteObjectVersionTagging", "s3:GetObjectTorrent", "s3:ReplicateDelete", "s3:ReplicateTags",
	}
}

// objectAsks are all of them on an artifact of an organization.
func objectAsks(by asker, through string, of tenancy.Tenant) []ask {
	var asks []ask
	for _, action := range objectActions() {
		asks = append(asks, bucketAsk{by: by, action: action, key: artifact(of), through: through, with: write()})
	}
	// A key that holds another organization's, for patterns that cross slashes, and one that
	// is no artifact's.
	return append(asks,
		bucketAsk{by: by, action: "s3:GetObject", key: of.KeyPrefix() + "object/" + freshID + "/x", through: through},
		bucketAsk{by: by, action: "s3:GetObject", key: "x", through: through})
}

// listAsks are all listings: of an organization, of everything, and of what is asked for
// with a part of an id.
func listAsks(by asker, through string, of tenancy.Tenant) []ask {
	var asks []ask
	for _, action := range []string{"s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"} {
		for _, with := range []iam.Context{nil, keys("s3:prefix", ""), keys("s3:prefix", of.KeyPrefix()), keys("s3:prefix", of.KeyPrefix()[:8])} {
			asks = append(asks, bucketAsk{by: by, action: action, through: through, with: with})
		}
	}
	return asks
}

func everyAsk(by asker, through string, of tenancy.Tenant) []ask {
	return slices.Concat(objectAsks(by, through, of), listAsks(by, through, of))
}

// with are the same asks with more condition keys, and what is said of them.
func with(asks []ask, how string, more iam.Context) []ask {
	var all []ask
	for _, a := range asks {
		also := a.(bucketAsk)
		also.by.name += how
		also.with = maps.Clone(also.with)
		if also.with == nil {
			also.with = iam.Context{}
		}
		maps.Copy(also.with, more)
		all = append(all, also)
	}
	return all
}

// inPlainHTTP are the same asks from somewhere else than this machine.
func inPlainHTTP(asks []ask) []ask {
	return with(asks, ", in plain HTTP", keys("aws:SecureTransport", "false", "aws:SourceIp", "203.0.113.7"))
}

// exceptedAsks are direct access by whoever has what the policy asks for somewhere in a
// Deny: being a principal, coming from a network, or having a tag. It has the tags of
// sessions beside it, for exceptions that are for an organization's alone.
func exceptedAsks(by asker, policy *iam.Document, t tenancy.Tenant) []ask {
	by.tags = map[string]string{tenancy.SessionTag: t.ID().String(), tenancy.PurgeTag: t.ID().String()}
	var asks []ask
	for _, st := range policy.Statements {
		if st.Effect != iam.Deny {
			continue
		}
		for _, c := range st.Conditions {
			key := strings.ToLower(c.Key)
			if strings.HasPrefix(key, "s3:dataaccesspoint") {
				continue
			}
			for _, value := range waysOut(c) {
				asks = append(asks, with(everyAsk(by, "", t), " with "+c.Key+" "+value, keys(c.Key, value))...)
			}
		}
		if st.NotPrincipals != nil {
			for _, arn := range st.NotPrincipals.AWS {
				asks = append(asks, everyAsk(named(arn), "", t)...)
			}
		}
	}
	return asks
}

// waysOut are values of its key for which a condition of a Deny may not hold. For Null, any
// value excepts those that have the key.
func waysOut(c iam.Condition) []string {
	var values []string
	for _, value := range c.Values {
		values = append(values, matching(value))
	}
	switch key := strings.ToLower(c.Key); {
	case strings.HasPrefix(c.Operator, "Bool"):
		values = append(values, "true", "false")
	case !negated(c.Operator) && !slices.Contains([]string{"aws:resourceaccount", "s3:resourceaccount", "aws:requestedregion"}, key):
		values = append(values, "doctor-probe") // which nobody has excepted by name
	}
	return values
}

// matching is a value that a pattern matches: a name for a wildcard, an address for a range.
func matching(pattern string) string {
	if prefix, err := netip.ParsePrefix(pattern); err == nil {
		return prefix.Addr().String()
	}
	return strings.NewReplacer("*", "x", "?", "x").Replace(pattern)
}
