package doctor

import (
	"slices"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// inlined is a role's inline policies.
func inlined(policies ...iam.Policy) Seen[[]policySeen] {
	var all []policySeen
	for _, p := range policies {
		all = append(all, policySeen{p.Name, Seen[[]byte]{Value: jsonOf(p.Document)}})
	}
	return Seen[[]policySeen]{Value: all}
}

func allows(actions, resources []string, conditions ...iam.Condition) *iam.Document {
	return &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{{
		Effect: iam.Allow, Actions: actions, Resources: resources, Conditions: conditions,
	}}}
}

func denies(actions ...string) iam.Statement {
	return iam.Statement{Effect: iam.Deny, Actions: actions, Resources: []string{"*"}}
}

func dropActions(actions ...string) func(*iam.Statement) bool {
	return func(st *iam.Statement) bool {
		st.Actions = slices.DeleteFunc(st.Actions, func(a string) bool { return slices.Contains(actions, a) })
		return len(st.Actions) > 0
	}
}

func replaceResources(old, new string) func(*iam.Statement) bool {
	return func(st *iam.Statement) bool {
		for i := range st.Resources {
			st.Resources[i] = strings.ReplaceAll(st.Resources[i], old, new)
		}
		return true
	}
}

func TestBaseRolePermissions(t *testing.T) {
	t.Parallel()
	in := guideInstallation(t)
	self, _ := tenants(in)
	own := in.BaseRolePermissions()
	anyAP := "arn:aws:s3:eu-west-1:" + account + ":accesspoint/cas-*"
	for name, row := range map[string]struct {
		policy *iam.Document // nil: none
		want   string
		status Status
	}{
		"none":                   {nil, "base-role-no-permissions", Warning},
		"no s3:GetObject":        {edit(own, dropActions("s3:GetObject")), "base-role-get-object", Warning},
		"no s3:PutObject":        {edit(own, dropActions("s3:PutObject")), "base-role-put-object", Warning},
		"no multipart":           {edit(own, dropActions("s3:AbortMultipartUpload")), "base-role-put-object", Warning},
		"no s3:ListBucket":       {edit(own, dropActions("s3:ListBucket")), "base-role-list-bucket", Warning},
		"no kms:GenerateDataKey": {edit(own, dropActions("kms:GenerateDataKey")), "base-role-generate-data-key", Warning},
		"no kms:Decrypt":         {edit(own, dropActions("kms:Decrypt")), "base-role-decrypt", Warning},
		"no KMS":                 {edit(own, dropSid("KeyUseThroughS3")), "base-role-key", Warning},
		"no objects":             {edit(own, dropSid("OwnArtifacts")), "base-role-permissions", Warning},
		"another prefix":         {edit(own, replaceResources("accesspoint/cas-", "accesspoint/chainloop-")), "base-role-prefix", Warning},
		"another key":            {edit(own, replaceResources("11111111-", "99999999-")), "base-role-other-key", Warning},
		"a denial":               {also(own, denies("s3:PutObject")), "base-role-deny", Failed},
		"an administrator":       {allows([]string{"*"}, []string{"*"}), "base-role-too-wide", Failed},
		"s3:*":                   {also(own, allows([]string{"s3:*"}, []string{"*"}).Statements...), "base-role-too-wide", Failed},
		"the bucket itself":      {also(own, allows([]string{"s3:GetObject"}, []string{in.ObjectsARN()}).Statements...), "base-role-too-wide", Failed},
		"every access point":     {also(own, allows([]string{"s3:GetObject"}, []string{anyAP + "/object/*"}).Statements...), "base-role-other-organization", Failed},
		"every list":             {also(own, allows([]string{"s3:ListBucket"}, []string{anyAP}).Statements...), "base-role-other-organization", Failed},
		"a star before its keys": {also(own, allows([]string{"s3:GetObject"}, []string{anyAP + "/object/${aws:PrincipalTag/org}/*"}).Statements...), "base-role-other-organization", Failed},
		"deletion":               {also(own, allows([]string{"s3:DeleteObject"}, []string{self.APARN() + "/object/" + self.KeyPrefix() + "*"}).Statements...), "base-role-more-actions", Failed},
		"the key, directly":      {also(own, allows([]string{"kms:Decrypt"}, []string{in.KMSKeyARN}).Statements...), "base-role-key-outside-s3", Failed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := Observation{Installation: in, rolesSeen: healthyRoles(in)}
			o.BaseRole.Inline = inlined()
			if row.policy != nil {
				o.BaseRole.Inline = inlined(iam.Policy{Name: inlinePolicy, Document: row.policy})
			}
			found, unseen := codesOf(o, baseRoleChecks())
			if !slices.Equal(found, []string{row.want}) || len(unseen) != 0 {
				t.Fatalf("found %v, want %s; unseen %v", found, row.want, unseen)
			}
			for _, c := range permissionChecks() {
				for _, f := range c.result(o).Findings {
					if f.Status != row.status {
						t.Errorf("%s is %s, want %s", f.Code, f.Status, row.status)
					}
					complete(t, f)
				}
			}
		})
	}
}

func TestPoliciesBesideTheBaseRolesOwn(t *testing.T) {
	t.Parallel()
	in := guideInstallation(t)
	const arn = "arn:aws:iam::aws:policy/AdministratorAccess"
	attached := func(doc []byte, err error) Seen[[]policySeen] {
		return Seen[[]policySeen]{Value: []policySeen{{arn, Seen[[]byte]{doc, err}}}}
	}
	own := iam.Policy{Name: inlinePolicy, Document: in.BaseRolePermissions()}
	for name, row := range map[string]struct {
		change func(*roleSeen)
		want   []string
		unseen int
	}{
		"an administrator's, attached":         {func(r *roleSeen) { r.Attached = attached(jsonOf(allows([]string{"*"}, []string{"*"})), nil) }, []string{"base-role-attached-policy"}, 0},
		"an attached one that nobody may read": {func(r *roleSeen) { r.Attached = attached(nil, cloud.ErrDenied) }, nil, 1},
		"its own, attached instead": {func(r *roleSeen) {
			r.Inline, r.Attached = inlined(), attached(jsonOf(in.BaseRolePermissions()), nil)
		}, nil, 0},
		"its own, under another name": {func(r *roleSeen) { r.Inline = inlined(iam.Policy{Name: "tenant", Document: in.BaseRolePermissions()}) }, nil, 0},
		"a second inline one": {func(r *roleSeen) {
			r.Inline = inlined(own, iam.Policy{Name: "debug", Document: allows([]string{"s3:*"}, []string{"*"})})
		}, []string{"base-role-extra-policy"}, 0},
		"another service": {func(r *roleSeen) {
			r.Inline = inlined(own, iam.Policy{Name: "debug", Document: allows([]string{"sqs:Send*"}, []string{"arn:aws:sqs:*:*:*"})})
		}, []string{"base-role-extra-policy"}, 0},
		"a wide one that another denies": {func(r *roleSeen) {
			r.Inline = inlined(own, iam.Policy{Name: "debug", Document: allows([]string{"s3:Delete*"}, []string{"*"})},
				iam.Policy{Name: "undo", Document: &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{denies("s3:Delete*")}}})
		}, nil, 0},
		"a boundary that lets everything through": {func(r *roleSeen) {
			r.Role.Value.Boundary, r.Boundary = arn, attached(jsonOf(allows([]string{"*"}, []string{"*"})), nil)
		}, nil, 0},
		"a boundary without KMS": {func(r *roleSeen) {
			r.Role.Value.Boundary, r.Boundary = arn, attached(jsonOf(allows([]string{"s3:*"}, []string{"*"})), nil)
		}, []string{"role-boundary"}, 0},
		"a boundary that nobody may read": {func(r *roleSeen) {
			r.Role.Value.Boundary, r.Boundary = arn, attached(nil, cloud.ErrDenied)
		}, nil, 1},
		"policies that nobody may list": {func(r *roleSeen) { r.Inline = Seen[[]policySeen]{Err: cloud.ErrDenied} }, nil, 2},
	} {
		o := Observation{Installation: in, rolesSeen: healthyRoles(in)}
		row.change(&o.BaseRole)
		found, unseen := codesOf(o, baseRoleChecks())
		if !slices.Equal(found, row.want) || len(unseen) != row.unseen {
			t.Errorf("%s: found %v, want %v; unseen %v", name, found, row.want, unseen)
		}
	}
}

// Every kind of installation is healthy as package tenancy makes it.
func TestHealthyBaseRole(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*tenancy.Installation){
		"undashed": func(in *tenancy.Installation) { in.APPrefix = "chainloop-prod-" },
		"shared":   func(in *tenancy.Installation) { in.CASRoleName = "" },
		"abac":     func(in *tenancy.Installation) { in.SessionPolicyMode = tenancy.ABAC },
		"inline":   func(in *tenancy.Installation) { in.SessionPolicyMode = tenancy.Inline },
		"china": func(in *tenancy.Installation) {
			in.Region = "cn-north-1"
			in.KMSKeyARN = "arn:aws-cn:kms:cn-north-1:" + account + ":key/1"
		},
		"purging": func(in *tenancy.Installation) { in.PurgeRoleName = "purge" },
	} {
		in := guideInstallation(t, change)
		o := Observation{Installation: in, rolesSeen: healthyRoles(in)}
		if found, unseen := codesOf(o, baseRoleChecks()); len(found)+len(unseen) > 0 {
			t.Errorf("%s: found %v, unseen %v", name, found, unseen)
		}
	}
}
