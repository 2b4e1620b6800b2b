package doctor

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

func workloadChecks() []check {
	return []check{
		{"workload-roles/exist", "every workload has its role, under the ARN that the configuration makes", eachWorkload(workloadExists)},
		{"workload-roles/trust", "pods get the roles, and nobody else", eachWorkload(workloadTrust)},
		{"workload-roles/boundary", "no permissions boundary is in the way of a workload", eachWorkload(workloadBoundary)},
		{"workload-roles/permissions", "every workload may do what it has to", eachWorkload(workloadNeeds)},
		{"workload-roles/narrow", "no workload may do more", eachWorkload(workloadNarrow)},
	}
}

// eachWorkload looks at all roles, and says of each that cannot be seen why.
func eachWorkload(look func(Observation, workloadSeen) ([]Finding, error)) func(Observation) ([]Finding, error) {
	return func(o Observation) ([]Finding, error) {
		var found []Finding
		var errs []error
		for _, w := range o.Workloads {
			findings, err := look(o, w)
			found = append(found, findings...)
			if err != nil {
				errs = append(errs, err)
			}
		}
		return found, errors.Join(errs...)
	}
}

// unseen is why nothing is said of a role.
func (w workloadSeen) unseen() error {
	if w.missing() {
		return fmt.Errorf("there is no role %s", w.Name)
	}
	return w.Role.Err
}

// wanted are the permissions that the role should have.
func (w workloadSeen) wanted(in tenancy.Installation) *iam.Document {
	switch w.Workload {
	case Backend:
		return in.BackendPermissions()
	case Controlplane:
		return in.ControlplanePermissions()
	}
	return in.CASPermissions()
}

func (w workloadSeen) subject(in tenancy.Installation) (subject, error) {
	s := roleSession(in, w.Name, w.ARN, w.Role.Value.ID, "pod")
	var err error
	s.identity, err = w.identity()
	return s, err
}

// permissionsFix puts what the role may do, and takes away what else it has.
func (w workloadSeen) permissionsFix(in tenancy.Installation, text string) Fix {
	doc := w.wanted(in)
	return Fix{Text: text, Document: compact(doc), Commands: append([]string{putRolePolicy(w.Name, doc)}, w.takeAway(w.Name)...)}
}

func workloadExists(o Observation, w workloadSeen) ([]Finding, error) {
	in := o.Installation
	switch {
	case w.missing():
		trust := in.WorkloadTrustPodIdentity()
		f := Finding{
			Code: "workload-missing", Status: Failed,
			What:        fmt.Sprintf("there is no role %s for %s", w.Name, w.Who),
			Evidence:    fmt.Sprint(w.Role.Err),
			Consequence: "its pods get no credentials",
			Fix: Fix{
				Text: "create the role, for EKS Pod Identity (for IRSA with another trust policy: deploy/policies/templates/workload-trust-irsa.json), and have the base role trust it: AWS takes a role made anew for another principal",
				Commands: []string{
					createRole(w.Name, trust), putRolePolicy(w.Name, w.wanted(in)), putTrust(in.BaseRoleName, in.BaseRoleTrust()),
				},
				Document: compact(w.wanted(in)),
			},
		}
		if w.Workload == Backend { // the key policy names it
			f.Fix.Commands = append(f.Fix.Commands, putKeyPolicy(in).Commands...)
		}
		return []Finding{f}, nil
	case w.Role.Err != nil:
		return nil, w.Role.Err
	case w.Role.Value.ARN != w.ARN:
		return []Finding{{
			Code: "workload-path", Status: Failed,
			What:        fmt.Sprintf("the role of %s has another ARN than the configuration makes of its name", w.Who),
			Evidence:    fmt.Sprintf("iam:GetRole: %s; configured: %s", w.Role.Value.ARN, w.ARN),
			Consequence: "base role and key trust a role that is not there",
			Fix:         Fix{Text: "give the role the path \"/\", which takes a new role: delete this one with its policies, then run `managedcasd provision`. If only the account differs, correct accountId"},
		}}, nil
	}
	return nil, nil
}

// workloadNeed is something that a workload has to be able to do. Without a consequence of
// its own it is what the whole workload is for.
type workloadNeed struct {
	code, what, consequence string
	status                  Status
	requests                []request
}

// needsOf are a workload's, each by itself.
func needsOf(in tenancy.Installation, w workloadSeen) []workloadNeed {
	self, _ := tenants(in)
	assume := workloadNeed{
		code: "workload-assume-role", what: "become an organization", status: Warning,
		consequence: "it works only because the base role's trust policy names the role itself",
	}
	for _, r := range proper(self, inheritedTags()...).asked(in, nil) {
		r.mustAllow = false
		assume.requests = append(assume.requests, r)
	}
	if w.Workload != Backend {
		return []workloadNeed{assume}
	}
	on := func(resource string, actions ...string) (all []request) {
		for _, action := range actions {
			all = append(all, request{action: action, resource: resource})
		}
		return all
	}
	return append([]workloadNeed{
		assume,
		{"backend-access-points", "make access points and their policies", "no organization can be made or deleted", Failed, on(self.APARN(),
			"s3:CreateAccessPoint", "s3:DeleteAccessPoint", "s3:PutAccessPointPolicy", "s3:GetAccessPointPolicy", "s3:DeleteAccessPointPolicy")},
		// They have no resource type: a policy with the ARN of an access point does not match
		// (facts AWS §12.22).
		{"backend-access-point-reads", "read access points, which takes the resource \"*\"", "no organization can be made", Failed, on("*",
			"s3:GetAccessPoint", "s3:ListAccessPoints")},
		{"backend-base-role", "read the base role, whose id is in the policy of every access point", "no organization can be made", Failed, on(in.BaseRoleARN(), "iam:GetRole")},
		{"backend-quota-reads", "read how full the account is", "organizations are made until AWS refuses", Warning, on("*", "iam:GetAccountSummary")},
		{"backend-key-read", "look at the KMS key", "it works only because the key policy names the role itself", Warning, on(in.KMSKeyARN, "kms:DescribeKey")},
		{"backend-configuration-reads", "read how the installation is configured", "a doctor in the backend's pod sees less", Warning, slices.Concat(
			on(in.KMSKeyARN, "kms:GetKeyPolicy", "kms:GetKeyRotationStatus"),
			on(in.BucketARN(), "s3:GetBucketPolicy", "s3:GetBucketPublicAccessBlock", "s3:GetBucketOwnershipControls",
				"s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration", "s3:GetBucketLocation"),
			on(in.BaseRoleARN(), "iam:GetRolePolicy", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies"),
			on(in.CASRoleARN(), "iam:GetRolePolicy"))},
	}, sessionPolicyNeeds(in, self, on)...)
}

// sessionPolicyNeeds are those of the mode (package tenancy, managesSessionPolicies).
func sessionPolicyNeeds(in tenancy.Installation, self tenancy.Tenant, on func(string, ...string) []request) []workloadNeed {
	policy := self.SessionPolicyARN()
	if in.SessionPolicyMode == tenancy.Inline {
		return nil // what is left of another mode is deleted, if it may be
	}
	if in.SessionPolicyMode == tenancy.ABAC {
		policy = in.SharedPolicyARN()
	}
	need := workloadNeed{"backend-session-policies", "make session policies", "no organization can be made", Failed, append(on(policy,
		"iam:CreatePolicy", "iam:GetPolicy", "iam:CreatePolicyVersion", "iam:GetPolicyVersion",
		"iam:ListPolicyVersions", "iam:DeletePolicyVersion", "iam:DeletePolicy"), on("*", "iam:ListPolicies")...)}
	return []workloadNeed{need}
}

// workloadBoundary asks for all that a workload needs under its boundary.
func workloadBoundary(o Observation, w workloadSeen) ([]Finding, error) {
	if w.Role.Err != nil {
		return nil, w.unseen()
	}
	var needs []request
	for _, n := range needsOf(o.Installation, w) {
		needs = append(needs, n.requests...)
	}
	s, _ := w.subject(o.Installation)
	return boundaryFinding(o.Installation, w.roleSeen, s, "role "+w.Name, w.Name, needs)
}

// workloadNeeds asks the role's own policies. A cause that they have in common is named
// once: no policy at all, a denial, another prefix, the permissions of another mode.
func workloadNeeds(o Observation, w workloadSeen) ([]Finding, error) {
	if w.Role.Err != nil {
		return nil, w.unseen()
	}
	in := o.Installation
	s, unknown := w.subject(in)
	if len(s.identity) == 0 && unknown == nil {
		f := Finding{
			Code: "workload-no-permissions", Status: Failed,
			What:        fmt.Sprintf("role %s of %s has no permissions", w.Name, w.Who),
			Evidence:    "iam:ListRolePolicies and iam:ListAttachedRolePolicies: none",
			Consequence: "no organization can be made",
			Fix:         w.permissionsFix(in, "put the permissions of role "+w.Name),
		}
		if w.Workload != Backend {
			f.Status, f.Consequence = Warning, "it works only because the base role's trust policy names the role itself"
		}
		return []Finding{f}, nil
	}
	var found []Finding
	for _, n := range needsOf(in, w) {
		refused, why := refusedOf(in, s, n.requests)
		if len(refused) == 0 {
			continue
		}
		f := Finding{
			Code: n.code, Status: n.status,
			What:        fmt.Sprintf("role %s may not %s: it lacks %s", w.Name, n.what, strings.Join(refused, ", ")),
			Evidence:    why,
			Consequence: n.consequence,
			Fix:         w.permissionsFix(in, "put the permissions of role "+w.Name),
		}
		if denied := deniedOf(in, s, n.requests); denied != "" {
			f.Code, f.Status, f.Evidence = "workload-deny", Failed, denied
			f.What = fmt.Sprintf("a policy of role %s denies what it needs to %s: %s", w.Name, n.what, strings.Join(refused, ", "))
			f.Consequence = "a denial wins over every grant"
		} else if unknown != nil {
			continue // what is not known may allow it
		}
		w.explain(in, s, &f)
		if !slices.ContainsFunc(found, func(have Finding) bool { return have.Code == f.Code }) {
			found = append(found, f)
		}
	}
	return found, unknown
}

// deniedOf returns why the first of the requests is denied, if by a Deny.
func deniedOf(in tenancy.Installation, s subject, requests []request) string {
	for _, r := range requests {
		if d := s.decide(in, r); d.Result == iam.ExplicitlyDenied {
			return d.Because[0].Text
		}
	}
	return ""
}

// explain finds the cause of what the backend may not do in what it may do instead.
func (w workloadSeen) explain(in tenancy.Installation, s subject, f *Finding) {
	self, _ := tenants(in)
	may := func(action, resource string) bool {
		return s.decide(in, request{action: action, resource: resource}).Allowed()
	}
	switch f.Code {
	case "backend-access-points":
		if prefix, ok := mayInstead(s.identity, ":accesspoint/", func(name string) bool {
			return may("s3:CreateAccessPoint", strings.Replace(self.APARN(), "accesspoint/"+in.APPrefix, "accesspoint/"+name, 1))
		}); ok && prefix != in.APPrefix {
			f.Code = "backend-access-point-prefix"
			f.What = fmt.Sprintf("role %s may make access points that begin with %q, and those of this installation begin with %q", w.Name, prefix, in.APPrefix)
		}
	case "backend-session-policies":
		made := in.SessionPolicyARNPattern()
		prefix, ok := mayInstead(s.identity, ":policy/", func(name string) bool {
			return may("iam:CreatePolicy", strings.Replace(made, "policy/"+in.SessionPolicyPrefix+"*", "policy/"+name+self.ID().String(), 1))
		})
		mode := ""
		switch {
		case may("iam:CreatePolicy", self.SessionPolicyARN()):
			mode = string(tenancy.Managed)
		case may("iam:CreatePolicy", in.SharedPolicyARN()):
			mode = string(tenancy.ABAC)
		case may("iam:DeletePolicy", self.SessionPolicyARN()) && !may("iam:CreatePolicyVersion", self.SessionPolicyARN()):
			mode = string(tenancy.Inline)
		}
		switch {
		case ok && prefix != in.SessionPolicyPrefix:
			f.Code = "session-policy-prefix"
			f.What = fmt.Sprintf("role %s may make policies that begin with %q, and the session policies of this installation begin with %q", w.Name, prefix, in.SessionPolicyPrefix)
		case mode != "" && mode != string(in.SessionPolicyMode):
			f.Code = "session-policy-mode"
			f.What = fmt.Sprintf("role %s has the permissions of sessionPolicyMode %s, and %s is configured", w.Name, mode, in.SessionPolicyMode)
		}
	}
}

// mayInstead looks for the prefix of names that the Allow statements of policies have in
// place of ours, and with which may holds.
func mayInstead(policies []iam.Policy, kind string, may func(prefix string) bool) (string, bool) {
	for _, service := range []string{"s3", "iam"} {
		for _, pattern := range resourcesOf(policies, service) {
			_, name, ok := strings.Cut(pattern, kind)
			if prefix, rest, star := strings.Cut(name, "*"); ok && star && rest == "" && prefix != "" && may(prefix) {
				return prefix, true
			}
		}
	}
	return "", false
}
