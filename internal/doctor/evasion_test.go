package doctor

import (
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/iam"
)

// Grants and exceptions that are written so that a doctor overlooks them: under conditions
// that it cannot judge, by what they leave out, or for whom a condition means.

// statementOf reads one statement.
func statementOf(t *testing.T, kind iam.Kind, text string) iam.Statement {
	t.Helper()
	d, err := iam.Parse(kind, []byte(`{"Version":"2012-10-17","Statement":`+text+`}`))
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return d.Statements[0]
}

func hasCode(found []string, want string) bool {
	return strings.Contains(" "+strings.Join(found, " ")+" ", " "+want+" ")
}

func TestGrantsToRolesAreSeenThroughTheirDisguise(t *testing.T) {
	t.Parallel()
	in := guideInstallation(t)
	for name, row := range map[string]struct{ statement, base, workload string }{
		"a date in the past":    {`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}}}`, "base-role-too-wide", "workload-escalation"},
		"one network":           {`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}`, "base-role-too-wide", "workload-escalation"},
		"a tag of Pod Identity": {`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringLike":{"aws:PrincipalTag/kubernetes-namespace":"*"}}}`, "base-role-too-wide", "workload-escalation"},
		"another Region":        {`{"Effect":"Allow","Action":"lambda:*","Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":"us-east-1"}}}`, "base-role-too-wide", "workload-more"},
		"all but some services": {`{"Effect":"Allow","NotAction":["s3:*","kms:*","iam:*","sts:*","ec2:*","secretsmanager:*"],"Resource":"*"}`, "base-role-too-wide", "workload-more"},
		"all but one resource":  {`{"Effect":"Allow","Action":"dynamodb:*","NotResource":"arn:aws:dynamodb:eu-west-1:111122223333:table/x"}`, "base-role-too-wide", "workload-more"},
		"another bucket":        {`{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::exfiltrated/*"}`, "base-role-too-wide", ""},
		"another key":           {`{"Effect":"Allow","Action":"kms:Decrypt","Resource":"arn:aws:kms:eu-west-1:111122223333:key/other"}`, "base-role-too-wide", "workload-more"},
		"names of versions":     {`{"Effect":"Allow","Action":["s3:ListBucketVersions","s3:ListBucketMultipartUploads"],"Resource":"*"}`, "base-role-too-wide", ""},
		"attributes of objects": {`{"Effect":"Allow","Action":["s3:GetObjectAttributes","s3:GetObjectTagging"],"Resource":"*"}`, "base-role-too-wide", ""},
		"replication":           {`{"Effect":"Allow","Action":"s3:PutReplicationConfiguration","Resource":"*"}`, "base-role-too-wide", "workload-more"},
		"public access":         {`{"Effect":"Allow","Action":"s3:PutAccountPublicAccessBlock","Resource":"*"}`, "base-role-too-wide", "workload-more"},
		"a tag in the resource": {`{"Effect":"Allow","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::artifacts/${aws:PrincipalTag/org}/*"}`, "base-role-too-wide", ""},
		"grants of the key":     {`{"Effect":"Allow","Action":"kms:CreateGrant","Resource":"*","Condition":{"Bool":{"kms:GrantIsForAWSResource":"true"}}}`, "base-role-key-outside-s3", "workload-escalation"},
		"the key in a network":  {`{"Effect":"Allow","Action":"kms:Decrypt","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpce":"vpce-1"}}}`, "base-role-key-outside-s3", "workload-more"},
		"roles elsewhere":       {`{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::999900001111:role/x"}`, "base-role-too-wide", "workload-more"},
		"what runs as a role":   {`{"Effect":"Allow","Action":["eks:CreatePodIdentityAssociation","ecs:RunTask"],"Resource":"*"}`, "base-role-too-wide", "workload-more"},
	} {
		st := statementOf(t, iam.KindIdentity, row.statement)
		o := Observation{Installation: in, rolesSeen: healthyRoles(in)}
		o.BaseRole.Inline.Value[0].Text.Value = jsonOf(also(in.BaseRolePermissions(), st))
		if found := sound(t, o, permissionChecks()); !hasCode(found, row.base) {
			t.Errorf("%s: in the base role %v, want %s", name, found, row.base)
		}
		o = Observation{Installation: in, rolesSeen: healthyRoles(in)}
		asRole(controlplane, also(in.ControlplanePermissions(), st))(&o)
		// Of what comes to nothing, for the role's own policy denies it, nothing is said.
		if found := sound(t, o, workloadChecks()); row.workload == "" && len(found) > 0 || row.workload != "" && !hasCode(found, row.workload) {
			t.Errorf("%s: in the control plane's role %v, want %s", name, found, row.workload)
		}
	}
}

func TestTrustIsSeenThroughItsDisguise(t *testing.T) {
	t.Parallel()
	in := guideInstallation(t)
	both := `"Action":["sts:AssumeRole","sts:TagSession"]`
	for name, row := range map[string]struct{ statement, base, workload string }{
		"a role of that name in any account": {`{"Effect":"Allow","Principal":"*",` + both + `,"Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/backend"}}}`, "trust-other-account", "workload-trust-anyone"},
		"a pattern that fits a workload too": {`{"Effect":"Allow","Principal":"*",` + both + `,"Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/b*"}}}`, "trust-other-principal", "workload-trust-others"},
		"an account in a condition":          {`{"Effect":"Allow","Principal":"*",` + both + `,"Condition":{"StringEquals":{"aws:PrincipalAccount":"999900001111"}}}`, "trust-other-account", "workload-trust-anyone"},
		"a user in a condition":              {`{"Effect":"Allow","Principal":{"AWS":"111122223333"},` + both + `,"Condition":{"StringEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:user/boss"}}}`, "trust-other-principal", "workload-trust-others"},
		"somebody's unique id":               {`{"Effect":"Allow","Principal":"*",` + both + `,"Condition":{"StringLike":{"aws:userid":"AROASOMEBODYELSE00001:*"}}}`, "trust-anyone", "workload-trust-anyone"},
		"any user":                           {`{"Effect":"Allow","Principal":"*",` + both + `,"Condition":{"StringEquals":{"aws:PrincipalType":"User"}}}`, "trust-anyone", "workload-trust-anyone"},
		"by way of another Region":           {`{"Effect":"Allow","Principal":{"AWS":"999900001111"},` + both + `,"Condition":{"StringEquals":{"aws:RequestedRegion":"us-east-1"}}}`, "trust-other-account", "workload-trust-anyone"},
		"SAML":                               {`{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:saml-provider/corp"},"Action":["sts:AssumeRoleWithSAML","sts:TagSession"]}`, "trust-federated", "workload-trust-others"},
		"accounts of everybody":              {`{"Effect":"Allow","Principal":{"Federated":"accounts.google.com"},"Action":"sts:AssumeRoleWithWebIdentity"}`, "trust-federated", "workload-trust-others"},
		"a pipeline elsewhere":               {`{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"token.actions.githubusercontent.com:sub":"repo:somebody/else:ref:refs/heads/main","token.actions.githubusercontent.com:aud":"sts.amazonaws.com"}}}`, "trust-federated", "workload-trust-others"},
		"a name without a tag":               {`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/backend"},` + both + `,"Condition":{"StringEquals":{"sts:RoleSessionName":"break-glass"}}}`, "trust-session-name", ""},
	} {
		st := statementOf(t, iam.KindTrust, row.statement)
		o := Observation{Installation: in, rolesSeen: healthyRoles(in)}
		o.BaseRole.Role.Value.Trust = jsonOf(also(in.BaseRoleTrust(), st))
		if found := sound(t, o, trustChecks()); !hasCode(found, row.base) {
			t.Errorf("%s: base role %v, want %s", name, found, row.base)
		}
		if row.workload == "" {
			continue
		}
		o = Observation{Installation: in, rolesSeen: healthyRoles(in)}
		trustedBy(cas, also(in.WorkloadTrustPodIdentity(), st))(&o)
		if found := sound(t, o, workloadChecks()); !hasCode(found, row.workload) {
			t.Errorf("%s: workload %v, want %s", name, found, row.workload)
		}
	}
}

// Conditions that hold for whom they like.
var locks = map[string]string{
	"none": `{}`, "an organization of AWS": `{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}`, "a network": `{"IpAddress":{"aws:SourceIp":"198.51.100.0/24"}}`,
	"a date": `{"DateGreaterThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}}`, "a program": `{"StringLike":{"aws:UserAgent":"x*"}}`,
}

func TestGrantsOfBucketAndKeyUnderALockAreGrants(t *testing.T) {
	t.Parallel()
	in := guideInstallation(t)
	const canonical = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"
	for lock, condition := range locks {
		for text, want := range map[string]string{
			`"Principal":{"AWS":"999900001111"},"Action":"s3:GetBucketPolicy","Resource":"arn:aws:s3:::artifacts"`:                                   "bucket-policy-grant",
			`"Principal":{"AWS":"999900001111"},"Action":["s3:PutInventoryConfiguration","s3:PutBucketLogging"],"Resource":"arn:aws:s3:::artifacts"`: "bucket-policy-grant",
			`"Principal":{"CanonicalUser":"` + canonical + `"},"Action":"s3:GetBucketPolicy","Resource":"arn:aws:s3:::artifacts"`:                    "bucket-policy-grant",
			`"Principal":{"AWS":"arn:aws:iam::111122223333:role/backend"},"Action":"s3:PutBucketNotification","Resource":"arn:aws:s3:::artifacts"`:   "bucket-policy-grant",
		} {
			st := statementOf(t, iam.KindBucket, `{"Effect":"Allow",`+text+`,"Condition":`+condition+`}`)
			o := Observation{Installation: in, bucketSeen: healthyBucket(t, in)}
			o.BucketPolicy.Value = jsonOf(also(in.BucketPolicy(), st))
			if found := sound(t, o, bucketChecks()); !hasCode(found, want) {
				t.Errorf("lock %s: %v, want %s: %s", lock, found, want, text)
			}
		}
		for text, want := range map[string]string{
			`"Principal":{"AWS":"999900001111"},"Action":"kms:Decrypt"`:                           "key-policy-foreign",
			`"Principal":{"AWS":"999900001111"},"Action":["kms:ReplicateKey","kms:GetKeyPolicy"]`: "key-policy-foreign",
			`"Principal":{"AWS":"111122223333"},"Action":"kms:Decrypt"`:                           "key-policy-account-decrypts",
			`"Principal":{"AWS":"arn:aws:iam::111122223333:user/boss"},"Action":"kms:Decrypt"`:    "key-policy-principals",
		} {
			st := statementOf(t, iam.KindKey, `{"Effect":"Allow",`+text+`,"Resource":"*","Condition":`+condition+`}`)
			o := Observation{Installation: in, bucketSeen: healthyBucket(t, in), keySeen: healthyKey(t, in)}
			o.KeyPolicy.Value = jsonOf(also(in.KeyPolicy(), st))
			if found := sound(t, o, keyChecks()); !hasCode(found, want) {
				t.Errorf("lock %s: %v, want %s: %s", lock, found, want, text)
			}
		}
	}
	for name, condition := range map[string]string{
		"the account of the caller":    `{"StringEquals":{"kms:CallerAccount":"999900001111","kms:ViaService":"s3.eu-west-1.amazonaws.com"}}`,
		"the account of the principal": `{"StringEquals":{"aws:PrincipalAccount":"999900001111"}}`,
		"a role of any account":        `{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/tenant"}}`,
	} {
		st := statementOf(t, iam.KindKey, `{"Effect":"Allow","Principal":"*","Action":"kms:Decrypt","Resource":"*","Condition":`+condition+`}`)
		o := Observation{Installation: in, bucketSeen: healthyBucket(t, in), keySeen: healthyKey(t, in)}
		o.KeyPolicy.Value = jsonOf(also(in.KeyPolicy(), st))
		if found := sound(t, o, keyChecks()); !hasCode(found, "key-policy-foreign") {
			t.Errorf("everybody under %s: %v", name, found)
		}
	}
}

// A denial that a caller gets around, by what is sent or from where, denies nothing.
func TestDenialsUnderALockAreNone(t *testing.T) {
	t.Parallel()
	in := guideInstallation(t)
	for name, condition := range map[string]string{
		"a date that is over":        `{"DateLessThan":{"aws:CurrentTime":"2021-01-01T00:00:00Z"}}`,
		"a name of a program":        `{"StringNotEquals":{"aws:UserAgent":"x"}}`,
		"an organization of AWS":     `{"StringNotEqualsIfExists":{"aws:PrincipalOrgID":"o-1"}}`,
		"a referring page":           `{"StringNotLike":{"aws:Referer":"secret"}}`,
		"requests through a service": `{"Bool":{"aws:ViaAWSService":"false"}}`,
		"signatures in a header":     `{"StringEquals":{"s3:authType":"REST-HEADER"}}`,
		"a version of signatures":    `{"StringEquals":{"s3:signatureversion":"AWS4-HMAC-SHA256"}}`,
		"who has no MFA":             `{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}`,
		"objects without a tag":      `{"StringNotEquals":{"s3:ExistingObjectTag/public":"yes"}}`,
		"access points of a VPC":     `{"StringNotEquals":{"s3:AccessPointNetworkOrigin":"VPC"}}`,
	} {
		locked := statementOf(t, iam.KindBucket, `{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::artifacts","Condition":`+condition+`}`).Conditions
		under := func(sid string) func(int, *iam.Statement) {
			return func(_ int, st *iam.Statement) {
				if st.Sid == sid {
					st.Conditions = append(st.Conditions, locked...)
				}
			}
		}
		for sid, want := range map[string]string{
			"DenyObjectsOutsideAccessPoints": "bucket-policy-exception bucket-policy-direct-access", "DenyObjectsOfOtherOrganizations": "bucket-policy-other-organizations",
			"DenyListingOfOtherOrganizations": "bucket-policy-other-organizations", "DenyOverwrite": "bucket-policy-overwrite", "DenyCustomerProvidedKeys": "bucket-policy-customer-keys",
		} {
			o := Observation{Installation: in, bucketSeen: healthyBucket(t, in)}
			o.BucketPolicy.Value = jsonOf(edited(in.BucketPolicy(), under(sid)))
			found := sound(t, o, bucketChecks())
			if len(found) != 1 || !strings.Contains(want, found[0]) {
				t.Errorf("%s but for %s: %v, want %s", sid, name, found, want)
			}
		}
		o := Observation{Installation: in, bucketSeen: healthyBucket(t, in), keySeen: healthyKey(t, in)}
		o.KeyPolicy.Value = jsonOf(edited(in.KeyPolicy(), under("DenyKeyUseOutsideS3")))
		if found := sound(t, o, keyChecks()); !hasCode(found, "key-policy-outside-s3") {
			t.Errorf("the key outside of S3 but for %s: %v", name, found)
		}
	}
}
