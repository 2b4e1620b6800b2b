package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

func permissionChecks() []check {
	return []check{
		{"base-role/boundary", "no permissions boundary is in the way of the base role", baseRoleBoundary},
		{"base-role/permissions", "the base role may do what an organization needs", baseRoleNeeds},
		{"base-role/narrow", "the base role may do no more, and for no other organization", baseRoleNarrow},
	}
}

// need is something that a role must be able to do.
type need struct {
	group   string // ends a code: "get-object"
	request request
}

// baseRoleSubject is a session for an organization, with the role's own policies. The error
// names policies whose documents are not known.
func (o Observation) baseRoleSubject(of tenancy.Tenant) (subject, error) {
	in, role := o.Installation, o.BaseRole
	s := roleSession(in, in.BaseRoleName, in.BaseRoleARN(), role.Role.Value.ID, of.SessionName())
	s.tags = of.SessionTags()
	var err error
	s.identity, err = role.identity()
	return s, err
}

// throughAccessPoint has the keys of a request through an access point.
func throughAccessPoint(in tenancy.Installation, arn string, more iam.Context) iam.Context {
	c := keys("s3:DataAccessPointArn", arn)
	c.Set("s3:DataAccessPointAccount", in.AccountID)
	c.Set("s3:AccessPointNetworkOrigin", "Internet")
	for key, values := range more {
		c.Set(key, values...)
	}
	return c
}

// objectKeys are those of a request for an object, where a write is as cas makes it.
func objectKeys(in tenancy.Installation, ap, action string) iam.Context {
	c := throughAccessPoint(in, ap, nil)
	if action == "s3:PutObject" {
		c.Set("s3:if-none-match", "*")
		c.Set("s3:ObjectCreationOperation", "true")
	}
	return c
}

// keyKeys are those of a use of the KMS key by S3.
func keyKeys(in tenancy.Installation, encryptionContext string) iam.Context {
	c := keys("kms:ViaService", "s3."+in.Region+".amazonaws.com")
	c.Set("kms:CallerAccount", in.AccountID)
	c.Set("kms:EncryptionContext:aws:s3:arn", encryptionContext)
	return c
}

// sessionNeeds are what a session of an organization does, through an access point named as
// if the installation's prefix were this one.
func sessionNeeds(in tenancy.Installation, self tenancy.Tenant) []need {
	var all []need
	ap, key := self.APARN(), artifact(self)
	for _, action := range []struct{ name, group string }{
		{"s3:GetObject", "get-object"}, {"s3:PutObject", "put-object"},
		{"s3:AbortMultipartUpload", "put-object"}, {"s3:ListMultipartUploadParts", "put-object"},
	} {
		all = append(all, need{action.group, request{
			action: action.name, resource: ap + "/object/" + key, keys: objectKeys(in, ap, action.name),
		}})
	}
	all = append(all, need{"list-bucket", request{
		action: "s3:ListBucket", resource: ap, keys: throughAccessPoint(in, ap, keys("s3:prefix", key)),
	}})
	for _, action := range []struct{ name, group string }{
		{"kms:GenerateDataKey", "generate-data-key"}, {"kms:Decrypt", "decrypt"},
	} {
		all = append(all, need{action.group, request{action: action.name, resource: in.KMSKeyARN, keys: keyKeys(in, in.BucketARN())}})
	}
	return all
}

// whole is a need as AWS decides it where everything else is as it should be: through the
// access point's policy, or the key's, and with the session policy.
func (n need) whole(in tenancy.Installation, self tenancy.Tenant, roleID string) request {
	r := n.request
	r.policy = self.APPolicy(roleID)
	if strings.HasPrefix(r.action, "kms:") {
		r.policy, r.mustAllow = in.KeyPolicy(), true
	}
	return r
}

// baseRoleBoundary asks for what the role needs under its boundary, with policies that
// allow everything: what is refused then is refused by the boundary.
func baseRoleBoundary(o Observation) ([]Finding, error) {
	if o.BaseRole.Role.Err != nil {
		return nil, o.baseRoleUnseen()
	}
	in := o.Installation
	self, _ := tenants(in)
	var needs []request
	for _, n := range sessionNeeds(in, self) {
		needs = append(needs, n.request)
	}
	s, _ := o.baseRoleSubject(self)
	return boundaryFinding(in, o.BaseRole, s, "base role "+in.BaseRoleName, in.BaseRoleName, needs)
}

// boundaryFinding is about any role's boundary.
func boundaryFinding(in tenancy.Installation, role roleSeen, s subject, what, name string, needs []request) ([]Finding, error) {
	boundary, err := role.boundary()
	if role.Role.Value.Boundary == "" || err != nil {
		return nil, err
	}
	s.identity, s.boundary = everything(), boundary
	refused, why := refusedOf(in, s, needs)
	if len(refused) == 0 {
		return nil, nil
	}
	return []Finding{{
		Code: "role-boundary", Status: Failed,
		What:        fmt.Sprintf("the permissions boundary of %s does not let it %s", what, strings.Join(refused, ", ")),
		Evidence:    why,
		Consequence: "no policy makes up for it: AWS answers AccessDenied",
		Fix: Fix{
			Text: "allow them in the boundary " + role.Role.Value.Boundary + " too, whoever owns it; or take the boundary away from the role, whose own policy is as narrow",
			Commands: []string{
				"aws iam delete-role-permissions-boundary --role-name " + name,
			},
		},
	}}, nil
}

// refusedOf returns the actions that the subject may not do, and why not the first.
func refusedOf(in tenancy.Installation, s subject, requests []request) (refused []string, why string) {
	for _, r := range requests {
		if d := s.decide(in, r); !d.Allowed() && !slices.Contains(refused, r.action) {
			refused = append(refused, r.action)
			if why == "" {
				why = d.Because[0].Text
			}
		}
	}
	return refused, why
}

// baseRoleNeeds asks the role's own policies for what an organization needs. What they lack
// the policies of access points and key may make up for: they name the role itself (facts
// AWS §3.2). Such a role works as long as those are as they should be, and is a warning.
func baseRoleNeeds(o Observation) ([]Finding, error) {
	if o.BaseRole.Role.Err != nil {
		return nil, o.baseRoleUnseen()
	}
	in := o.Installation
	self, _ := tenants(in)
	s, unknown := o.baseRoleSubject(self)
	var lacking []need
	var denied []string
	var why, deniedWhy string
	works := true
	for _, n := range sessionNeeds(in, self) {
		d := s.decide(in, n.request)
		switch {
		case d.Allowed():
			continue
		case d.Result == iam.ExplicitlyDenied:
			denied, deniedWhy = append(denied, n.request.action), d.Because[0].Text
			continue
		}
		lacking, why = append(lacking, n), d.Because[0].Text
		limited := s
		limited.session = self.SessionPolicy()
		works = works && limited.decide(in, n.whole(in, self, o.BaseRole.Role.Value.ID)).Allowed()
	}
	var found []Finding
	if len(denied) > 0 {
		found = append(found, Finding{
			Code: "base-role-deny", Status: Failed,
			What:        "a policy of the base role denies what every organization needs: " + strings.Join(denied, ", "),
			Evidence:    deniedWhy,
			Consequence: "a denial wins over every grant: no organization can store or read",
			Fix:         o.baseRolePolicyFix("take the denial away"),
		})
	}
	if len(lacking) == 0 {
		return found, nil
	}
	if unknown != nil {
		return found, unknown // what is not known may allow it
	}
	f := Finding{
		Status:      Warning,
		Evidence:    why,
		Consequence: "it works only because the policies of access points and key name the role itself; nothing says so any more if one of them is replaced by a wider one",
		Fix:         o.baseRolePolicyFix("put the permissions of the base role"),
	}
	if !works {
		f.Status, f.Consequence = Failed, "every organization's requests for it are denied"
	}
	f.Code, f.What = o.lacking(s, lacking)
	return append(found, f), nil
}

// lacking names what a role's policies lack, by its cause.
func (o Observation) lacking(s subject, lacking []need) (code, what string) {
	in := o.Installation
	var actions, groups []string
	for _, n := range lacking {
		actions = append(actions, n.request.action)
		if !slices.Contains(groups, n.group) {
			groups = append(groups, n.group)
		}
	}
	names := strings.Join(actions, ", ")
	onObjects := slices.ContainsFunc(groups, func(g string) bool { return g == "get-object" || g == "put-object" })
	onKey := slices.Contains(groups, "generate-data-key") || slices.Contains(groups, "decrypt")
	prefix, otherPrefix := o.otherPrefix(s)
	key, otherKey := o.otherKey(s)
	switch {
	case onObjects && otherPrefix:
		return "base-role-prefix", fmt.Sprintf("the base role's permissions are for access points that begin with %q, and those of this installation begin with %q", prefix, in.APPrefix)
	case onKey && otherKey:
		return "base-role-other-key", "the base role's permissions are for another KMS key: " + key
	case len(groups) == 5 && len(s.identity) == 0:
		return "base-role-no-permissions", "the base role has no permissions"
	case len(groups) == 1:
		return "base-role-" + groups[0], "the base role lacks " + names
	case !onObjects && len(groups) == 2:
		return "base-role-key", "the base role may not use the KMS key: it lacks " + names
	}
	return "base-role-permissions", "the base role lacks " + names
}

// otherPrefix looks for a prefix of access points with which an object could be read: it is
// what stands in the role's policies in place of ours.
func (o Observation) otherPrefix(s subject) (string, bool) {
	for _, pattern := range resourcesOf(s.identity, "s3") {
		_, name, ok := strings.Cut(pattern, ":accesspoint/")
		if !ok {
			continue
		}
		name, _, _ = strings.Cut(name, "/")
		prefix := name[:strings.IndexAny(name+"$", "$*?")]
		in := o.Installation
		if prefix == "" || prefix == in.APPrefix || len(prefix) > tenancy.MaxAPPrefix {
			continue
		}
		in.APPrefix = prefix
		self, _ := tenants(in)
		if s.decide(in, sessionNeeds(in, self)[0].request).Allowed() {
			return prefix, true
		}
	}
	return "", false
}

// otherKey looks for another key that the role may use in the way in which it should ours.
func (o Observation) otherKey(s subject) (string, bool) {
	in := o.Installation
	for _, arn := range resourcesOf(s.identity, "kms") {
		if arn == in.KMSKeyARN || strings.ContainsAny(arn, "*?$") {
			continue
		}
		if s.decide(in, request{action: "kms:Decrypt", resource: arn, keys: keyKeys(in, in.BucketARN())}).Allowed() {
			return arn, true
		}
	}
	return "", false
}

// resourcesOf are the resources of a service in the Allow statements of policies.
func resourcesOf(policies []iam.Policy, service string) []string {
	var all []string
	for _, p := range policies {
		for _, st := range p.Document.Statements {
			for _, resource := range st.Resources {
				if parts := strings.SplitN(resource, ":", 4); st.Effect == iam.Allow && len(parts) == 4 && parts[2] == service {
					all = append(all, resource)
				}
			}
		}
	}
	return all
}

// baseRolePolicyFix puts the permissions of the base role, and takes away what else it has.
func (o Observation) baseRolePolicyFix(text string) Fix {
	in := o.Installation
	doc := in.BaseRolePermissions()
	return Fix{Text: text, Document: compact(doc), Commands: append([]string{putRolePolicy(in.BaseRoleName, doc)}, o.BaseRole.takeAway(in.BaseRoleName)...)}
}

// takeAway leaves a role the policy that this project owns.
func (r roleSeen) takeAway(name string) []string {
	var commands []string
	for _, p := range r.Inline.Value {
		if p.Name != inlinePolicy {
			commands = append(commands, fmt.Sprintf("aws iam delete-role-policy --role-name %s --policy-name %s", name, word(p.Name)))
		}
	}
	for _, p := range r.Attached.Value {
		commands = append(commands, fmt.Sprintf("aws iam detach-role-policy --role-name %s --policy-arn %s", name, word(p.Name)))
	}
	return commands
}
