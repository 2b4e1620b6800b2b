package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// workloadExcesses are what a workload must not be able to do, the worst first.
func workloadExcesses(in tenancy.Installation, w workloadSeen) []excess {
	self, other := tenants(in)
	on := func(resource string, actions ...string) (all []request) {
		for _, action := range actions {
			all = append(all, request{action: action, resource: resource})
		}
		return all
	}
	var objects []request
	for _, action := range []string{"s3:GetObject", "s3:PutObject", "s3:DeleteObject"} {
		objects = append(objects,
			request{action: action, resource: in.BucketARN() + "/" + artifact(self)},
			request{action: action, resource: self.APARN() + "/object/" + artifact(self), keys: objectKeys(in, self.APARN(), action)})
	}
	objects = append(objects, on(in.BucketARN(), "s3:ListBucket", "s3:ListBucketVersions")...)
	objects = append(objects, on(other.APARN(), "s3:ListBucket")...)

	escalation := on(in.BaseRoleARN(), "iam:AttachRolePolicy", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:PassRole", "iam:DeleteRolePolicy", "iam:DeleteRolePermissionsBoundary")
	escalation = append(escalation, on(w.ARN, "iam:AttachRolePolicy", "iam:PutRolePolicy", "iam:PassRole")...)
	escalation = append(escalation, on("*", "iam:CreateRole", "iam:CreateUser", "iam:CreateAccessKey")...)
	escalation = append(escalation, on(in.BucketARN(), "s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:PutBucketPublicAccessBlock", "s3:DeleteBucket", "s3:PutLifecycleConfiguration", "s3:PutEncryptionConfiguration")...)
	escalation = append(escalation, on(in.KMSKeyARN, "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:DisableKey", "kms:CreateGrant")...)
	anotherPolicy := strings.TrimSuffix(in.SessionPolicyARNPattern(), in.SessionPolicyPrefix+"*") + "another"
	escalation = append(escalation, on(anotherPolicy, "iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion")...)

	all := []excess{
		{"workload-escalation", "change who may do what", escalation},
		{"workload-direct-data", "reach artifacts as itself, without being an organization", objects},
	}
	anotherAP := strings.Replace(self.APARN(), "accesspoint/"+in.APPrefix, "accesspoint/another-", 1)
	if w.Workload == Backend {
		all = append(all, excess{"backend-beyond-prefix", "make what other installations have", append(
			on(anotherAP, "s3:CreateAccessPoint", "s3:DeleteAccessPoint", "s3:PutAccessPointPolicy", "s3:DeleteAccessPointPolicy"),
			on(anotherPolicy, "iam:CreatePolicy", "iam:DeletePolicy", "iam:DeletePolicyVersion")...)})
	} else {
		all = append(all, excess{"workload-manages", "manage access points or session policies, which only the backend does", append(
			on(self.APARN(), "s3:CreateAccessPoint", "s3:DeleteAccessPoint", "s3:PutAccessPointPolicy", "s3:DeleteAccessPointPolicy"),
			on(self.SessionPolicyARN(), "iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:DeletePolicy")...)})
	}
	anotherRole := strings.TrimSuffix(in.RootARN(), "root") + "role/another"
	return append(all, excess{"workload-assumes-others", "assume roles of the account other than the base role", on(anotherRole, "sts:AssumeRole")})
}

// modeExcess is what the backend may do in another mode of session policies than the
// configured one. In the mode inline it can widen no session policy, since it makes none.
func modeExcess(in tenancy.Installation) []request {
	self, _ := tenants(in)
	switch in.SessionPolicyMode {
	case tenancy.Inline:
		return []request{
			{action: "iam:CreatePolicy", resource: self.SessionPolicyARN()}, {action: "iam:CreatePolicyVersion", resource: self.SessionPolicyARN()},
			{action: "iam:CreatePolicy", resource: in.SharedPolicyARN()}, {action: "iam:CreatePolicyVersion", resource: in.SharedPolicyARN()},
		}
	case tenancy.ABAC:
		return []request{{action: "iam:CreatePolicy", resource: self.SessionPolicyARN()}, {action: "iam:CreatePolicyVersion", resource: self.SessionPolicyARN()}}
	}
	return nil
}

// workloadNarrow names the policy by which a role may do what it must not: one finding for
// each policy, by the worst.
func workloadNarrow(o Observation, w workloadSeen) ([]Finding, error) {
	if w.Role.Err != nil {
		return nil, w.unseen()
	}
	in := o.Installation
	s, unknown := w.subject(in)
	s.identity = atMost(s.identity)
	if boundary, err := w.boundary(); err == nil {
		s.boundary = atMost(boundary)
	}
	own := roleSession(in, w.Name, w.ARN, w.Role.Value.ID, "pod")
	own.identity = atMost([]iam.Policy{{Name: inlinePolicy, Document: w.wanted(in)}})
	self, _ := tenants(in)
	needed, _ := workloadNeeds(o, w)
	excesses := workloadExcesses(in, w)
	if w.Workload == Backend {
		excesses = append(excesses, excess{"session-policy-mode", "write session policies that the mode " + string(in.SessionPolicyMode) + " does not have", modeExcess(in)})
	}
	var found []Finding
	for _, p := range s.identity {
		alone := s
		alone.identity = append(denials(s.identity), p)
		classes := slices.Clone(excesses)
		if len(needed) == 0 { // permissions for another prefix or mode are named there
			classes = append(classes, excess{"workload-more", "do what it has no need of", surplusRequests(in, self, p.Document, own)})
		}
		for _, e := range classes {
			allowed, why := allowedOf(in, alone, e.requests)
			if len(allowed) == 0 {
				continue
			}
			f := Finding{
				Code: e.code, Status: Failed,
				What:        fmt.Sprintf("policy %s lets role %s of %s %s: %s", p.Name, w.Name, w.Who, e.what, strings.Join(allowed, ", ")),
				Evidence:    why,
				Consequence: "a mistake in that process, or whoever takes it over, reaches further than the process does",
				Fix:         w.permissionsFix(in, "leave role "+w.Name+" its own permissions alone"),
			}
			if slices.Contains([]string{"workload-assumes-others", "session-policy-mode", "workload-more"}, e.code) {
				f.Status = Warning
			}
			found = append(found, f)
			break
		}
	}
	return found, unknown
}
