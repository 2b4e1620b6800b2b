package doctor

import (
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// Conditions on keys that nobody here knows (a network, a date, a name of a program, an
// organization of AWS) hold for some callers, and perhaps for all. A grant under such a
// condition is a grant, for a door with a lock is a door; a denial under one is none, for its
// caller may be somebody else.

// settledKeys have, in every request that a check asks for, the value that AWS would give them.
func settledKeys(key string) bool {
	for _, prefix := range []string{"s3:dataaccesspoint", "s3:x-amz-server-side-encryption", "kms:encryptioncontext"} {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return slices.Contains([]string{
		"aws:principalarn", "aws:principalaccount", "aws:principaltype", "aws:userid", "aws:principalisawsservice",
		"aws:principaltag/" + tenancy.SessionTag, "aws:principaltag/" + strings.ToLower(tenancy.PurgeTag),
		"aws:requestedregion", "aws:resourceaccount", "s3:resourceaccount", "aws:securetransport",
		"s3:prefix", "s3:if-none-match", "s3:objectcreationoperation",
		"kms:viaservice", "kms:calleraccount",
	}, key)
}

// grantedKeys are settled, and not those which a resource elsewhere has otherwise: a
// permission policy is about more than the installation.
func grantedKeys(key string) bool {
	return settledKeys(key) && !slices.Contains([]string{"aws:requestedregion", "aws:resourceaccount", "s3:resourceaccount"}, key)
}

// granting is a resource policy for who meets the conditions of its grants that are not settled.
// Whose a canonical user id is, nobody here knows: somebody's of another account.
func granting(in tenancy.Installation, d *iam.Document) *iam.Document {
	return edited(unconditional(d, func(key string) bool { return !settledKeys(key) }), func(_ int, st *iam.Statement) {
		if p := st.Principals; st.Effect == iam.Allow && p != nil && len(p.CanonicalUser) > 0 {
			also := *p
			also.AWS = append(slices.Clone(p.AWS), anotherAccount(in))
			st.Principals = &also
		}
	})
}

// dependable is a resource policy without the denials that hold for some callers only. Where
// everything is on loopback, so is whoever asks.
func dependable(in tenancy.Installation, d *iam.Document) *iam.Document {
	return without(d, func(_ int, st iam.Statement) bool {
		return st.Effect == iam.Deny && slices.ContainsFunc(st.Conditions, func(c iam.Condition) bool {
			key := strings.ToLower(c.Key)
			return !settledKeys(key) && !(in.Loopback && key == "aws:sourceip")
		})
	})
}

// atMost are the permissions of whoever meets the conditions that are not settled.
func atMost(policies []iam.Policy) []iam.Policy {
	var all []iam.Policy
	for _, p := range policies {
		all = append(all, iam.Policy{Name: p.Name, Document: generousBut(p.Document, grantedKeys)})
	}
	return all
}

// suspects are those whom conditions of a policy's grants mean, where the grants are for
// everybody or for an account.
func suspects(in tenancy.Installation, policy *iam.Document) []asker {
	var all []asker
	for _, st := range policy.Statements {
		if st.Effect != iam.Allow {
			continue
		}
		for _, c := range st.Conditions {
			for _, value := range c.Values {
				switch strings.ToLower(c.Key) {
				case "aws:principalarn":
					all = append(all, grantee(in, someARN(in, value)))
				case "aws:principalaccount", "kms:calleraccount":
					if value = matching(value); len(value) == len(in.AccountID) {
						all = append(all, grantee(in, value))
					}
				}
			}
		}
	}
	return all
}

// someARN is an ARN that a pattern matches, of another account if it may be.
func someARN(in tenancy.Installation, pattern string) string {
	parts := strings.SplitN(pattern, ":", 6)
	if len(parts) == 6 && strings.ContainsAny(parts[4], "*?") {
		parts[4] = anotherAccount(in)
	}
	return matching(strings.Join(parts, ":"))
}

// examples are names that the patterns match.
func examples(patterns []string) []string {
	var all []string
	for _, pattern := range patterns {
		all = append(all, strings.NewReplacer("*", "Probe", "?", "x").Replace(pattern))
	}
	return all
}

// grantedActions are examples of what a policy grants. What it grants by what it leaves out is
// an action that nobody leaves out.
func grantedActions(d *iam.Document, service string) []string {
	var all []string
	for _, st := range d.Statements {
		if st.Effect != iam.Allow {
			continue
		}
		all = append(all, examples(st.Actions)...)
		if len(st.NotActions) > 0 {
			all = append(all, service+":Probe")
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
