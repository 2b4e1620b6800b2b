package tenancy_test

import (
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

const (
	secretsKey = "arn:aws:kms:eu-west-1:111122223333:key/99999999-2222-3333-4444-555555555555"
	ownSecret  = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:managedcas/" + acme
)

// inSecretsManager keeps coordinates there, under a key of its own.
func inSecretsManager() tenancy.Installation {
	in := example()
	in.CASRoleName = "chainloop-cas"
	in.Secrets = tenancy.SecretsManager{Prefix: "managedcas/", KMSKeyARN: secretsKey}
	return in
}

func TestSecretNames(t *testing.T) {
	t.Parallel()
	tenant := mustNew(t, inSecretsManager()).Tenant(mustID(t, acme))
	if tenant.SecretName() != "managedcas/"+acme || tenant.SecretARN() != ownSecret {
		t.Errorf("%s, %s", tenant.SecretName(), tenant.SecretARN())
	}
}

func TestSecretPrefixAndKey(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		secrets tenancy.SecretsManager
		says    string // "": accepted
	}{
		"none":                {tenancy.SecretsManager{}, ""},
		"a path":              {tenancy.SecretsManager{Prefix: "prod/managedcas/"}, ""},
		"a hyphen":            {tenancy.SecretsManager{Prefix: "cas-"}, ""},
		"longest":             {tenancy.SecretsManager{Prefix: strings.Repeat("p", tenancy.MaxSecretPrefix-1) + "/"}, ""},
		"one more":            {tenancy.SecretsManager{Prefix: strings.Repeat("p", tenancy.MaxSecretPrefix) + "/"}, "476 are allowed"},
		"begins other names":  {tenancy.SecretsManager{Prefix: "cas"}, "end it with / or -"},
		"a wildcard":          {tenancy.SecretsManager{Prefix: "*/"}, "letters"},
		"a variable":          {tenancy.SecretsManager{Prefix: "${aws:username}/"}, "letters"},
		"a key":               {tenancy.SecretsManager{Prefix: "cas-", KMSKeyARN: secretsKey}, ""},
		"a key and no prefix": {tenancy.SecretsManager{KMSKeyARN: secretsKey}, "end it with"},
		"the bucket's key":    {tenancy.SecretsManager{Prefix: "cas-", KMSKeyARN: keyARN}, "serves S3 alone"},
		"an alias":            {tenancy.SecretsManager{Prefix: "cas-", KMSKeyARN: "alias/x"}, "alias"},
		"a key of elsewhere":  {tenancy.SecretsManager{Prefix: "cas-", KMSKeyARN: strings.Replace(secretsKey, "eu-west-1", "eu-west-2", 1)}, "Region"},
	} {
		in := example()
		in.Secrets = tc.secrets
		_, err := tenancy.New(in)
		if (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v, want %q", name, err, tc.says)
		}
	}
}

func TestInstallationsWithNestedSecretPrefixesOverlap(t *testing.T) {
	t.Parallel()
	a, b := inSecretsManager(), inSecretsManager()
	b.BucketName, b.BaseRoleName, b.APPrefix, b.SessionPolicyPrefix = "other", "other", "other-", "other-"
	for prefix, want := range map[string]bool{"managedcas/": true, "managedcas/b/": true, "other/": false, "": false} {
		b.Secrets.Prefix = prefix
		if reason, got := tenancy.Overlaps(a, b); got != want {
			t.Errorf("%q: %t (%s), want %t", prefix, got, reason, want)
		}
	}
}

// Whoever keeps coordinates elsewhere grants nothing in Secrets Manager.
func TestNoSecretsWithoutTheDriver(t *testing.T) {
	t.Parallel()
	for _, d := range mustNew(t, longPrefix()).Documents() {
		text, err := d.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "secretsmanager") {
			t.Errorf("%s mentions Secrets Manager", d.Name)
		}
	}
}

// The least that each process needs. A tenant's session is among those who need nothing:
// neither its own secret nor another's.
func TestSecretDecisions(t *testing.T) {
	t.Parallel()
	in := mustNew(t, inSecretsManager())
	tenant := in.Tenant(mustID(t, acme))
	const suffix = "-a1B2c3"
	foreign := "arn:aws:secretsmanager:eu-west-1:111122223333:secret:payroll" + suffix
	throughSecrets := with("kms:ViaService", "secretsmanager.eu-west-1.amazonaws.com", "kms:EncryptionContext:SecretARN", ownSecret+suffix)

	session := iam.PolicySet{
		Identity: []iam.Policy{{Name: "base role", Document: in.BaseRolePermissions()}},
		Session:  []iam.Policy{{Name: "session policy", Document: tenant.SessionPolicy()}},
	}
	for who, as := range map[string]struct {
		principal, role string
		set             iam.PolicySet
		may             map[string]bool
		decrypts, seals bool
	}{
		"backend": {
			principal: "arn:aws:sts::111122223333:assumed-role/chainloop-backend/pod", role: in.BackendRoleARN(),
			set:      iam.PolicySet{Identity: []iam.Policy{{Name: "backend", Document: in.BackendPermissions()}}},
			may:      map[string]bool{"CreateSecret": true, "TagResource": true, "PutSecretValue": true, "GetSecretValue": true, "DeleteSecret": true, "RestoreSecret": true},
			decrypts: true, seals: true,
		},
		"cas": {
			principal: "arn:aws:sts::111122223333:assumed-role/chainloop-cas/pod", role: in.CASRoleARN(),
			set:      iam.PolicySet{Identity: []iam.Policy{{Name: "cas", Document: in.CASPermissions()}}},
			may:      map[string]bool{"GetSecretValue": true},
			decrypts: true,
		},
		"controlplane": {
			principal: "arn:aws:sts::111122223333:assumed-role/chainloop-controlplane/pod", role: in.ControlplaneRoleARN(),
			set: iam.PolicySet{Identity: []iam.Policy{{Name: "controlplane", Document: in.ControlplanePermissions()}}},
		},
		"session": {principal: tenantSess, role: baseRole, set: session},
	} {
		ask := func(action, resource string, c iam.Context, want bool) {
			t.Helper()
			got := iam.Evaluate(iam.Request{
				Principal: as.principal, PrincipalRole: as.role, Account: account, Action: action, Resource: resource, Context: c,
			}, as.set)
			if (got.Result == iam.Allowed) != want {
				t.Errorf("%s: %s on %s: %s, want allowed: %t", who, action, resource, got.Result, want)
			}
		}
		for _, action := range []string{
			"CreateSecret", "TagResource", "PutSecretValue", "GetSecretValue", "DeleteSecret", "RestoreSecret",
			"UpdateSecret", "PutResourcePolicy", "RotateSecret", "ReplicateSecretToRegions", "UpdateSecretVersionStage",
		} {
			ask("secretsmanager:"+action, ownSecret+suffix, nil, as.may[action])
			ask("secretsmanager:"+action, foreign, nil, false)
		}
		ask("secretsmanager:ListSecrets", "*", nil, false)
		ask("kms:Decrypt", secretsKey, throughSecrets, as.decrypts)
		ask("kms:GenerateDataKey", secretsKey, throughSecrets, as.seals)
		ask("kms:Decrypt", secretsKey, nil, false)
		ask("kms:Decrypt", secretsKey, and(throughSecrets, "kms:EncryptionContext:SecretARN", foreign), false)
		ask("kms:Decrypt", keyARN, throughSecrets, false)
	}
}

// The guide's two identities: cas shares the control plane's role.
func TestSharedRoleReadsCoordinates(t *testing.T) {
	t.Parallel()
	in := inSecretsManager()
	in.CASRoleName = ""
	text, err := tenancy.NamedDocument{Document: mustNew(t, in).ControlplanePermissions()}.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "secretsmanager:GetSecretValue") || strings.Contains(string(text), "PutSecretValue") {
		t.Errorf("%s", text)
	}
}
