package doctor

import (
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// excess is a class of what a session of the base role must not be able to do.
type excess struct {
	code, what string
	requests   []request
}

// excesses are the classes, the widest first: a policy is named for the first that it is in.
func excesses(in tenancy.Installation) []excess {
	self, other := tenants(in)
	return []excess{
		{"base-role-too-wide", "do more than to use artifacts", managementRequests(in)},
		{"base-role-other-organization", "reach another organization's artifacts", foreignRequests(in, self, other)},
		{"base-role-more-actions", "do more to its artifacts than to read, write and list", ownRequests(in, self)},
		{"base-role-key-outside-s3", "use the KMS key for anything but its own artifacts", keyRequests(in, other)},
	}
}

func managementRequests(in tenancy.Installation) []request {
	var all []request
	for resource, actions := range map[string][]string{
		in.BaseRoleARN():               {"iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:UpdateAssumeRolePolicy", "sts:AssumeRole", "iam:PassRole"},
		in.BackendRoleARN():            {"sts:AssumeRole", "iam:PassRole"},
		in.SharedPolicyARN():           {"iam:CreatePolicyVersion", "iam:DeletePolicy"},
		in.BucketARN():                 {"s3:PutBucketPolicy", "s3:DeleteBucket", "s3:PutLifecycleConfiguration", "s3:PutEncryptionConfiguration", "s3:ListBucket"},
		in.BucketARN() + "/another":    {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"},
		in.KMSKeyARN:                   {"kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"},
		"*":                            {"iam:CreateUser", "s3:ListAllMyBuckets", "ec2:RunInstances", "secretsmanager:GetSecretValue"},
		"arn:aws:s3:::somebody-else/x": {"s3:GetObject"},
	} {
		for _, action := range actions {
			all = append(all, request{action: action, resource: resource})
		}
	}
	self, _ := tenants(in)
	for _, action := range []string{"s3:PutAccessPointPolicy", "s3:DeleteAccessPointPolicy", "s3:DeleteAccessPoint", "s3:CreateAccessPoint"} {
		all = append(all, request{action: action, resource: self.APARN()})
	}
	slices.SortFunc(all, func(a, b request) int { return strings.Compare(a.action+a.resource, b.action+b.resource) })
	return all
}

// foreignRequests are made for keys and by ways that are another organization's, some of
// which look like one's own to a wildcard that crosses slashes.
func foreignRequests(in tenancy.Installation, self, other tenancy.Tenant) []request {
	var all []request
	own, theirs := self.KeyPrefix(), other.KeyPrefix()
	mine := artifact(self)
	content := strings.TrimPrefix(mine, own)
	for _, action := range []string{"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:GetObjectVersion"} {
		for _, ap := range []string{self.APARN(), other.APARN()} {
			for _, key := range []string{artifact(other), theirs + "object/" + own + content, theirs + own + content} {
				all = append(all, request{action: action, resource: ap + "/object/" + key, keys: objectKeys(in, ap, action)})
			}
		}
	}
	for _, ap := range []string{self.APARN(), other.APARN()} {
		for _, prefix := range []iam.Context{nil, keys("s3:prefix", ""), keys("s3:prefix", theirs), keys("s3:prefix", theirs[:8])} {
			all = append(all, request{action: "s3:ListBucket", resource: ap, keys: throughAccessPoint(in, ap, prefix)})
		}
	}
	return all
}

func ownRequests(in tenancy.Installation, self tenancy.Tenant) []request {
	var all []request
	ap := self.APARN()
	for _, action := range []string{
		"s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObjectVersion", "s3:PutObjectAcl", "s3:PutObjectTagging",
		"s3:PutObjectRetention", "s3:RestoreObject", "s3:BypassGovernanceRetention",
	} {
		all = append(all, request{action: action, resource: ap + "/object/" + artifact(self), keys: objectKeys(in, ap, action)})
	}
	return all
}

func keyRequests(in tenancy.Installation, other tenancy.Tenant) []request {
	var all []request
	for _, action := range []string{"kms:Decrypt", "kms:GenerateDataKey", "kms:Encrypt", "kms:ReEncryptFrom", "kms:CreateGrant"} {
		direct := keys("kms:EncryptionContext:aws:s3:arn", in.BucketARN())
		direct.Set("kms:CallerAccount", in.AccountID)
		all = append(all,
			request{action: action, resource: in.KMSKeyARN, keys: direct},
			request{action: action, resource: in.KMSKeyARN, keys: keyKeys(in, in.BucketARN()+"/"+artifact(other))},
			request{action: action, resource: in.KMSKeyARN + "0", keys: keyKeys(in, in.BucketARN())})
	}
	return all
}

// baseRoleNarrow names the policy by which the role may do what it must not: one finding for
// each policy, by the widest of what it allows. Session policies, access points, bucket and
// key each still say no; that is what this layer is beside (ARCHITECTURE.md, I8).
func baseRoleNarrow(o Observation) ([]Finding, error) {
	if o.BaseRole.Role.Err != nil {
		return nil, o.baseRoleUnseen()
	}
	in := o.Installation
	self, _ := tenants(in)
	s, unknown := o.baseRoleSubject(self)
	s.identity = atMost(s.identity)
	boundary, err := o.BaseRole.boundary()
	if err == nil {
		s.boundary = atMost(boundary)
	}
	own := roleSession(in, in.BaseRoleName, in.BaseRoleARN(), o.BaseRole.Role.Value.ID, self.SessionName())
	own.tags, own.identity = self.SessionTags(), atMost([]iam.Policy{{Name: inlinePolicy, Document: in.BaseRolePermissions()}})
	needed, _ := baseRoleNeeds(o)
	var found []Finding
	for _, p := range s.identity {
		alone := s
		alone.identity = append(denials(s.identity), p)
		classes := append([]excess{{"base-role-too-wide", "do more than to use artifacts", otherServices(p.Document)}}, excesses(in)...)
		if len(needed) == 0 { // permissions for another prefix or key are named there
			classes = append(classes, excess{"base-role-too-wide", "do more than to use artifacts", surplusRequests(in, self, p.Document, own)})
		}
		for _, e := range classes {
			if allowed, why := allowedOf(in, alone, e.requests); len(allowed) > 0 {
				found = append(found, o.excessFinding(p.Name, e, allowed, why))
				break
			}
		}
	}
	return found, unknown
}

// otherServices asks for what a policy itself names of services that artifacts do not need.
func otherServices(d *iam.Document) []request {
	example := strings.NewReplacer("*", "Probe", "?", "x")
	var all []request
	for _, st := range d.Statements {
		for _, action := range st.Actions {
			service, _, _ := strings.Cut(action, ":")
			if st.Effect != iam.Allow || slices.Contains([]string{"s3", "kms", "*"}, strings.ToLower(service)) {
				continue
			}
			for _, resource := range st.Resources {
				all = append(all, request{action: example.Replace(action), resource: example.Replace(resource)})
			}
		}
	}
	return all
}

// denials are the policies without what they allow.
func denials(policies []iam.Policy) []iam.Policy {
	var all []iam.Policy
	for _, p := range policies {
		d := *p.Document
		d.Statements = slices.DeleteFunc(slices.Clone(d.Statements), func(st iam.Statement) bool { return st.Effect == iam.Allow })
		all = append(all, iam.Policy{Name: p.Name, Document: &d})
	}
	return all
}

// allowedOf returns the actions that the subject may do, and why the first.
func allowedOf(in tenancy.Installation, s subject, requests []request) (allowed []string, why string) {
	for _, r := range requests {
		if d := s.decide(in, r); d.Allowed() && !slices.Contains(allowed, r.action) {
			allowed = append(allowed, r.action)
			if why == "" {
				why = strings.TrimSuffix(d.Because[0].Text, ".") + " on " + r.resource + "."
			}
		}
	}
	return allowed, why
}

func (o Observation) excessFinding(policy string, e excess, allowed []string, why string) Finding {
	f := Finding{
		Code: e.code, Status: Failed,
		What:        "policy " + policy + " lets every session of the base role " + e.what + ": " + strings.Join(allowed, ", "),
		Evidence:    why,
		Consequence: "one of the layers that keep organizations apart is not there: a mistake in another is then enough",
		Fix:         o.baseRolePolicyFix("leave the base role its own permissions alone"),
	}
	switch {
	case strings.HasPrefix(policy, "arn:"):
		f.Code = "base-role-attached-policy"
	case policy != inlinePolicy && len(o.BaseRole.Inline.Value) > 1:
		f.Code = "base-role-extra-policy"
	}
	return f
}
