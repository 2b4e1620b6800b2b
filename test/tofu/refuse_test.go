package tofu

import (
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/tenancy"
)

// mistakes are installations that package tenancy refuses. The module must as well, with a
// message that says what to do.
var mistakes = []struct {
	about string
	make  func(*tenancy.Installation)
	says  string
}{
	{"account of 11 digits", func(in *tenancy.Installation) { in.AccountID = "11122223333" }, "12 digits"},
	{"account with a wildcard", func(in *tenancy.Installation) { in.AccountID = "11112222333*" }, "12 digits"},
	{"account with a newline", func(in *tenancy.Installation) { in.AccountID = "111122223333\n" }, "12 digits"},
	{"Region", func(in *tenancy.Installation) { in.Region = "Ireland" }, "form eu-west-1"},
	{"bucket too short", func(in *tenancy.Installation) { in.BucketName = "ab" }, "3 to 63"},
	{"bucket too long", func(in *tenancy.Installation) { in.BucketName = strings.Repeat("b", 64) }, "3 to 63"},
	{"bucket in uppercase", func(in *tenancy.Installation) { in.BucketName = "Artifacts" }, "lowercase"},
	{"bucket with a wildcard", func(in *tenancy.Installation) { in.BucketName = "artifacts-*" }, "lowercase"},
	{"bucket with a quote", func(in *tenancy.Installation) { in.BucketName = `a"b` }, "lowercase"},
	{"bucket with two dots", func(in *tenancy.Installation) { in.BucketName = "a..b" }, "single inner dots"},
	{"bucket like an address", func(in *tenancy.Installation) { in.BucketName = "192.0.2.1" }, "IP address"},
	{"bucket like an alias", func(in *tenancy.Installation) { in.BucketName = "artifacts-s3alias" }, "reserves"},
	{"bucket with a reserved prefix", func(in *tenancy.Installation) { in.BucketName = "xn--artifacts" }, "reserves"},
	{"key alias ARN", func(in *tenancy.Installation) { in.KMSKeyARN = keyPrefix + "alias/cas" }, "is an alias"},
	{"key alias name", func(in *tenancy.Installation) { in.KMSKeyARN = "alias/cas" }, "is an alias"},
	{"key id alone", func(in *tenancy.Installation) { in.KMSKeyARN = "11111111-2222-3333-4444-555555555555" }, "want the ARN"},
	{"key of another account", func(in *tenancy.Installation) { in.KMSKeyARN = strings.Replace(madeKey, "1111", "9999", 1) }, "account and Region"},
	{"key of another Region", func(in *tenancy.Installation) { in.KMSKeyARN = strings.Replace(madeKey, "west", "east", 1) }, "account and Region"},
	{"key with a wildcard", func(in *tenancy.Installation) { in.KMSKeyARN = keyPrefix + "key/*" }, "want the ARN"},
	{"no prefix", func(in *tenancy.Installation) { in.APPrefix = "" }, "1 to 18"},
	{"prefix of 19 characters", func(in *tenancy.Installation) { in.APPrefix = strings.Repeat("c", 19) }, "has 19 characters"},
	{"prefix in uppercase", func(in *tenancy.Installation) { in.APPrefix = "Cas-" }, "lowercase"},
	{"prefix that begins with a hyphen", func(in *tenancy.Installation) { in.APPrefix = "-cas" }, "begin with"},
	{"prefix with a wildcard", func(in *tenancy.Installation) { in.APPrefix = "cas-*" }, "lowercase"},
	{"no session policy prefix", func(in *tenancy.Installation) { in.SessionPolicyPrefix = "" }, "every policy"},
	{"session policy prefix of 93 characters", func(in *tenancy.Installation) { in.SessionPolicyPrefix = strings.Repeat("c", 93) }, "1 to 92"},
	{"session policy prefix with a path", func(in *tenancy.Installation) { in.SessionPolicyPrefix = "cas/" }, "use letters"},
	{"session policy prefix with a wildcard", func(in *tenancy.Installation) { in.SessionPolicyPrefix = "cas*" }, "use letters"},
	{"mode", func(in *tenancy.Installation) { in.SessionPolicyMode = "shared" }, "managed, inline or abac"},
	{"abac with names without dashes", func(in *tenancy.Installation) {
		in.SessionPolicyMode, in.APPrefix = tenancy.ABAC, strings.Repeat("c", 15)
	}, "shorter ap_prefix"},
	{"inline with names that are too long", tooLongInline(1), "AssumeRole takes 2048"},
	{"no base role", func(in *tenancy.Installation) { in.BaseRoleName = "" }, "base_role_name"},
	{"base role as ARN", func(in *tenancy.Installation) { in.BaseRoleName = "arn:aws:iam::111122223333:role/x" }, "not an ARN"},
	{"role name of 65 characters", func(in *tenancy.Installation) { in.BackendRoleName = strings.Repeat("r", 65) }, "backend_role_name"},
	{"no controlplane role", func(in *tenancy.Installation) { in.ControlplaneRoleName, in.CASRoleName = "", "" }, "controlplane_role_name"},
	{"cas role with a path", func(in *tenancy.Installation) { in.CASRoleName = "a/b" }, "cas_role_name"},
	{"workload that is the base role", func(in *tenancy.Installation) { in.CASRoleName = "CHAINLOOP-tenant" }, "the same but for case"},
	{"purge role with a path", func(in *tenancy.Installation) { in.PurgeRoleName = "a/b" }, "purge_role_name"},
	{"purge role that is another", func(in *tenancy.Installation) { in.PurgeRoleName = in.BackendRoleName }, "the same but for case"},
	{"operator of another account", func(in *tenancy.Installation) { in.OperatorARNs = []string{"arn:aws:iam::999922223333:root"} }, "operator_arns: want"},
	{"operators by wildcard", func(in *tenancy.Installation) { in.OperatorARNs = []string{"arn:aws:iam::111122223333:role/*"} }, "without wildcards"},
	{"operators by variable", func(in *tenancy.Installation) {
		in.OperatorARNs = []string{"arn:aws:iam::111122223333:user/${aws:username}"}
	}, "without wildcards"},
	{"operator by session", func(in *tenancy.Installation) {
		in.OperatorARNs = []string{"arn:aws:sts::111122223333:assumed-role/operator/me"}
	}, "the role that counts"},
	{"operator that is the base role", func(in *tenancy.Installation) {
		in.OperatorARNs = []string{"arn:aws:iam::111122223333:role/chainloop-tenant"}
	}, "take it out"},
	{"operator that is a workload", func(in *tenancy.Installation) {
		in.OperatorARNs = []string{"arn:aws:iam::111122223333:role/chainloop-backend"}
	}, "take it out"},
	{"own bucket's role of another partition", func(in *tenancy.Installation) { in.OwnBucketRoles = []string{"arn:aws-cn:iam::*:role/cas"} }, "own_bucket_role_arns: want"},
	{"own bucket's role that is a user", func(in *tenancy.Installation) { in.OwnBucketRoles = []string{"arn:aws:iam::*:user/cas"} }, "own_bucket_role_arns: want"},
	{"own bucket's role without a name", func(in *tenancy.Installation) { in.OwnBucketRoles = []string{"arn:aws:iam::*:role/"} }, "a name or a pattern"},
	{"own bucket's role by variable", func(in *tenancy.Installation) { in.OwnBucketRoles = []string{"arn:aws:iam::*:role/${aws:username}"} }, "own_bucket_role_arns: want"},
	{"secrets without an end", func(in *tenancy.Installation) { in.Secrets.Prefix = "cas" }, "end it with"},
	{"secrets with too long a prefix", func(in *tenancy.Installation) { in.Secrets.Prefix = strings.Repeat("c", 476) + "/" }, "up to 476"},
	{"secrets with the bucket's key", func(in *tenancy.Installation) {
		in.Secrets = tenancy.SecretsManager{Prefix: "cas/", KMSKeyARN: madeKey}
	}, "give another one"},
	{"secrets with an alias", func(in *tenancy.Installation) {
		in.Secrets = tenancy.SecretsManager{Prefix: "cas/", KMSKeyARN: keyPrefix + "alias/cas"}
	}, "not an alias"},
}

const keyPrefix = "arn:aws:kms:" + region + ":" + account + ":"

// tooLongInline makes a session policy of so many characters too many, or of none with 0.
func tooLongInline(over int) func(*tenancy.Installation) {
	return func(in *tenancy.Installation) {
		in.SessionPolicyMode = tenancy.Inline
		in.APPrefix = strings.Repeat("c", 14)
		in.BucketName = strings.Repeat("b", 63)
		// No Region of today is long enough.
		in.Region = "eu-" + strings.Repeat("w", 200) + "-1"
		keyPrefix := "arn:aws:kms:" + in.Region + ":" + account + ":"
		// The key's id is there once, so a character of it is one of the policy.
		low, high := 1, 256
		for low < high {
			middle := (low + high + 1) / 2
			in.KMSKeyARN = keyPrefix + "key/" + strings.Repeat("k", middle)
			if _, err := tenancy.New(*in); err == nil {
				low = middle
			} else {
				high = middle - 1
			}
		}
		in.KMSKeyARN = keyPrefix + "key/" + strings.Repeat("k", low+over)
	}
}

func TestModuleRefusesWhatTenancyRefuses(t *testing.T) {
	t.Parallel()
	module := load(t, policies)
	for _, mistake := range mistakes {
		in := example()
		mistake.make(&in)
		if _, err := tenancy.New(in); err == nil {
			t.Errorf("%s: package tenancy accepts it", mistake.about)
		}
		e := module.evaluate(t, values(t, variables(in)))
		if len(e.refused) == 0 {
			e.output("documents")
		}
		if said := strings.Join(e.refused, "\n"); !strings.Contains(said, mistake.says) {
			t.Errorf("%s: %q, want something that says %q", mistake.about, said, mistake.says)
		}
	}
}

// What is just allowed is allowed in both.
func TestModuleAcceptsWhatTenancyAccepts(t *testing.T) {
	t.Parallel()
	module := load(t, policies)
	for about, change := range map[string]func(*tenancy.Installation){
		"prefix of one character":                func(in *tenancy.Installation) { in.APPrefix = "c" },
		"prefix of 18 characters":                func(in *tenancy.Installation) { in.APPrefix = strings.Repeat("c", 18) },
		"session policy prefix of 92 characters": func(in *tenancy.Installation) { in.SessionPolicyPrefix = strings.Repeat("c", 92) },
		"role name of 64 characters":             func(in *tenancy.Installation) { in.BaseRoleName = strings.Repeat("r", 64) },
		"bucket with dots":                       func(in *tenancy.Installation) { in.BucketName = "artifacts.example.org" },
		"bucket of 3 characters":                 func(in *tenancy.Installation) { in.BucketName = "abc" },
		"bucket of 63 characters":                func(in *tenancy.Installation) { in.BucketName = strings.Repeat("b", 63) },
		"multi-Region key":                       func(in *tenancy.Installation) { in.KMSKeyARN = keyPrefix + "key/mrk-1234abcd12ab34cd56ef1234567890ab" },
		"secrets with the longest prefix":        func(in *tenancy.Installation) { in.Secrets.Prefix = strings.Repeat("c", 475) + "/" },
		"inline with names that just fit":        tooLongInline(0),
		"abac with the longest prefix": func(in *tenancy.Installation) {
			in.SessionPolicyMode, in.APPrefix = tenancy.ABAC, strings.Repeat("c", 14)
		},
	} {
		in := example()
		change(&in)
		e := module.evaluate(t, values(t, withIRSA(in, variables(in))))
		if len(e.refused) == 0 {
			compareDocuments(t, about, in, byName(e.output("documents")))
		}
		if len(e.refused) > 0 {
			t.Errorf("%s: %s", about, e.refused)
		}
	}
}

// What only the root module can know.
func TestRootRefuses(t *testing.T) {
	t.Parallel()
	uuid := "0f8fad5b-d9cb-469f-a165-70867728950e"
	for about, row := range map[string]struct {
		given map[string]any
		says  string
	}{
		"both identities":                    {map[string]any{"pod_identity": podIdentity["pod_identity"], "irsa": irsa["irsa"]}, "leave one of them out"},
		"operators without the deployer":     {map[string]any{"operator_arns": []string{"arn:aws:iam::" + account + ":root"}}, "Add it, and whoever else"},
		"credentials of another account":     {map[string]any{"account_id": "999922223333", "operator_arns": []string{}}, "correct the one or the other"},
		"versions":                           {map[string]any{"versioning": "On"}, "want Disabled, Enabled or Suspended"},
		"window of 6 days":                   {map[string]any{"key_deletion_window_in_days": 6}, "7 to 30"},
		"window of 31 days":                  {map[string]any{"key_deletion_window_in_days": 31}, "7 to 30"},
		"window of a day's part":             {map[string]any{"key_deletion_window_in_days": 7.5}, "7 to 30"},
		"endpoint by name":                   {map[string]any{"vpc_endpoint_id": "s3"}, "describe-vpc-endpoints"},
		"one service account for two":        {map[string]any{"service_accounts": map[string]any{"cas": "managedcas-backend"}}, "another service account"},
		"service account by wildcard":        {map[string]any{"service_accounts": map[string]any{"cas": "*"}}, "Kubernetes names"},
		"namespace by wildcard":              {map[string]any{"namespace": "cas-*"}, "Kubernetes names"},
		"purged organization without end":    {map[string]any{"purged_organizations": []string{uuid[:35]}}, "prefix of other organizations"},
		"purged organization in uppercase":   {map[string]any{"purged_organizations": []string{strings.ToUpper(uuid)}}, "in lowercase"},
		"every object as one organization":   {map[string]any{"purged_organizations": []string{""}}, "prefix of other organizations"},
		"purged organization with an ending": {map[string]any{"purged_organizations": []string{uuid + "\n"}}, "prefix of other organizations"},
	} {
		e := load(t, root).evaluate(t, values(t, ofRoot(example(), row.given)))
		for _, address := range []string{"data.aws_caller_identity.deployer", "aws_s3_bucket.artifacts"} {
			if len(e.refused) == 0 {
				e.node(address, "")
			}
		}
		if said := strings.Join(e.refused, "\n"); !strings.Contains(said, row.says) {
			t.Errorf("%s: %q, want something that says %q", about, said, row.says)
		}
	}
}

// An OIDC provider or a service account that would let others in.
func TestModuleRefusesOtherPods(t *testing.T) {
	t.Parallel()
	good := func() map[string]any { return withIRSA(example(), variables(example())) }
	change := func(workload string, list ...any) map[string]any {
		given := good()
		given["irsa"].(map[string]any)["service_accounts"].(map[string]any)[workload] = append([]any{}, list...)
		return given
	}
	provider := func(arn string) map[string]any {
		given := good()
		given["irsa"].(map[string]any)["oidc_provider_arn"] = arn
		return given
	}
	for about, given := range map[string]map[string]any{
		"no account":           change("backend"),
		"any account":          change("backend", map[string]any{"namespace": "cas", "name": "*"}),
		"any namespace":        change("cas", map[string]any{"namespace": "?", "name": "cas"}),
		"namespace in a name":  change("cas", map[string]any{"namespace": "cas", "name": "a:b"}),
		"no name":              change("cas", map[string]any{"namespace": "cas", "name": ""}),
		"quote":                change("cas", map[string]any{"namespace": "cas", "name": `a","b`}),
		"another account's":    provider("arn:aws:iam::999922223333:oidc-provider/" + issuer),
		"provider by URL":      provider("https://" + issuer),
		"provider by wildcard": provider("arn:aws:iam::" + account + ":oidc-provider/*"),
	} {
		if e := load(t, policies).evaluate(t, values(t, given)); !strings.Contains(strings.Join(e.refused, "\n"), "irsa.") {
			t.Errorf("%s: %q", about, e.refused)
		}
	}
}
