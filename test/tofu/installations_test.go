// Package tofu holds deploy/tofu to what the programs do: its documents to package tenancy,
// its variables to the checks there, its resources to package provision and to the
// provider's documentation. The modules are evaluated in Go, and by OpenTofu or Terraform
// itself where one is found.
package tofu

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/managedcas/managedcas/internal/tenancy"
)

// example is the smallest installation: the guide's, with two workload roles.
func example() tenancy.Installation {
	return tenancy.Installation{
		Partition:            "aws",
		AccountID:            account,
		Region:               region,
		BucketName:           "chainloop-artifacts",
		KMSKeyARN:            madeKey,
		APPrefix:             "chainloop-",
		BaseRoleName:         "chainloop-tenant",
		SessionPolicyPrefix:  "cas-",
		SessionPolicyMode:    tenancy.Managed,
		BackendRoleName:      "chainloop-backend",
		ControlplaneRoleName: "chainloop-controlplane",
		CASRoleName:          "chainloop-controlplane",
		OperatorARNs:         []string{deployer},
	}
}

// installations have every option, alone and with others.
func installations() map[string]tenancy.Installation {
	changes := map[string]func(*tenancy.Installation){
		"the guide's":  func(*tenancy.Installation) {},
		"nobody lists": func(in *tenancy.Installation) { in.OperatorARNs = nil },
		"two operators": func(in *tenancy.Installation) {
			in.OperatorARNs = append(in.OperatorARNs, "arn:aws:iam::"+account+":root")
		},
		"cas of its own":         func(in *tenancy.Installation) { in.CASRoleName = "chainloop-cas" },
		"names without dashes":   func(in *tenancy.Installation) { in.APPrefix = "chainloop-prod-" },
		"last name with dashes":  func(in *tenancy.Installation) { in.APPrefix = strings.Repeat("c", 14) },
		"longest prefix":         func(in *tenancy.Installation) { in.APPrefix = strings.Repeat("c", 18) },
		"inline":                 func(in *tenancy.Installation) { in.SessionPolicyMode = tenancy.Inline },
		"inline, without dashes": func(in *tenancy.Installation) { in.SessionPolicyMode, in.APPrefix = tenancy.Inline, "chainloop-prod-" },
		"abac":                   func(in *tenancy.Installation) { in.SessionPolicyMode = tenancy.ABAC },
		"purge":                  func(in *tenancy.Installation) { in.PurgeRoleName = "chainloop-purge" },
		"purge, nobody lists":    func(in *tenancy.Installation) { in.PurgeRoleName, in.OperatorARNs = "chainloop-purge", nil },
		"secrets":                func(in *tenancy.Installation) { in.Secrets = tenancy.SecretsManager{Prefix: "managedcas/"} },
		"secrets with a key": func(in *tenancy.Installation) {
			in.Secrets = tenancy.SecretsManager{Prefix: "cas-", KMSKeyARN: strings.Replace(madeKey, "1111-2222", "9999-2222", 1)}
		},
		"own buckets of one account": func(in *tenancy.Installation) {
			in.OwnBucketRoles = []string{"arn:aws:iam::999922223333:role/cas/*", "arn:aws:iam::888822223333:role/storage"}
		},
		"own buckets of anybody": func(in *tenancy.Installation) { in.OwnBucketRoles = []string{"arn:aws:iam::*:role/managedcas/*"} },
		"everything": func(in *tenancy.Installation) {
			in.CASRoleName, in.PurgeRoleName, in.SessionPolicyMode = "chainloop-cas", "chainloop-purge", tenancy.ABAC
			in.Secrets = tenancy.SecretsManager{Prefix: "cas/", KMSKeyARN: strings.Replace(madeKey, "1111-2222", "9999-2222", 1)}
			in.OwnBucketRoles = []string{"arn:aws:iam::*:role/managedcas/*", "arn:aws:iam::999922223333:role/cas"}
			in.OperatorARNs = append(in.OperatorARNs, "arn:aws:iam::"+account+":user/ops")
		},
		"everything, shared": func(in *tenancy.Installation) {
			in.PurgeRoleName, in.SessionPolicyMode = "chainloop-purge", tenancy.Inline
			in.Secrets = tenancy.SecretsManager{Prefix: "cas/"}
			in.OwnBucketRoles = []string{"arn:aws:iam::*:role/managedcas/*", "arn:aws:iam::999922223333:role/cas"}
		},
		"China": func(in *tenancy.Installation) {
			elsewhere(in, "aws-cn", "cn-north-1")
			in.PurgeRoleName = "chainloop-purge"
			in.Secrets = tenancy.SecretsManager{Prefix: "cas/", KMSKeyARN: strings.Replace(in.KMSKeyARN, "1111-2222", "9999-2222", 1)}
			in.OwnBucketRoles = []string{"arn:aws-cn:iam::*:role/managedcas/*"}
		},
		"GovCloud": func(in *tenancy.Installation) { elsewhere(in, "aws-us-gov", "us-gov-west-1") },
	}
	all := map[string]tenancy.Installation{}
	for name, change := range changes {
		in := example()
		change(&in)
		all[name] = in
	}
	return all
}

func elsewhere(in *tenancy.Installation, partition, region string) {
	in.Partition, in.Region = partition, region
	in.KMSKeyARN = strings.NewReplacer("arn:aws:", "arn:"+partition+":", "eu-west-1", region).Replace(in.KMSKeyARN)
	in.OperatorARNs = []string{strings.Replace(deployer, "arn:aws:", "arn:"+partition+":", 1)}
}

// serviceAccounts are those of a release, by workload.
var serviceAccounts = map[string][]tenancy.ServiceAccount{
	"backend":      {{Namespace: "cas", Name: "backend"}},
	"controlplane": {{Namespace: "cas", Name: "controlplane"}, {Namespace: "other", Name: "controlplane"}},
	"cas":          {{Namespace: "cas", Name: "cas"}},
}

func oidcProvider(in tenancy.Installation) string {
	return "arn:" + in.Partition + ":iam::" + in.AccountID + ":oidc-provider/" + issuer
}

// variables are the installation as the variables of the module policies.
func variables(in tenancy.Installation) map[string]any {
	given := map[string]any{
		"account_id": in.AccountID, "region": in.Region, "bucket_name": in.BucketName, "kms_key_arn": in.KMSKeyARN,
		"ap_prefix": in.APPrefix, "session_policy_prefix": in.SessionPolicyPrefix, "session_policy_mode": string(in.SessionPolicyMode),
		"base_role_name": in.BaseRoleName, "backend_role_name": in.BackendRoleName, "controlplane_role_name": in.ControlplaneRoleName,
		"operator_arns": in.OperatorARNs, "own_bucket_role_arns": in.OwnBucketRoles,
	}
	if in.CASRoleName != in.ControlplaneRoleName {
		given["cas_role_name"] = in.CASRoleName
	}
	if in.Purges() {
		given["purge_role_name"] = in.PurgeRoleName
	}
	if in.Secrets != (tenancy.SecretsManager{}) {
		secrets := map[string]any{"prefix": in.Secrets.Prefix}
		if in.Secrets.KMSKeyARN != "" {
			secrets["kms_key_arn"] = in.Secrets.KMSKeyARN
		}
		given["secrets_manager"] = secrets
	}
	return given
}

// withIRSA adds an OIDC provider and the service accounts that it speaks for.
func withIRSA(in tenancy.Installation, given map[string]any) map[string]any {
	accounts := map[string]any{}
	for workload, list := range serviceAccounts {
		var values []any
		for _, account := range list {
			values = append(values, map[string]any{"namespace": account.Namespace, "name": account.Name})
		}
		accounts[workload] = values
	}
	given["irsa"] = map[string]any{"oidc_provider_arn": oidcProvider(in), "service_accounts": accounts}
	return given
}

// values turns what a .tfvars.json file would have into values.
func values(t *testing.T, given map[string]any) map[string]cty.Value {
	t.Helper()
	found := map[string]cty.Value{}
	for name, value := range given {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		kind, err := ctyjson.ImpliedType(text)
		if err != nil {
			t.Fatal(err)
		}
		if found[name], err = ctyjson.Unmarshal(text, kind); err != nil {
			t.Fatal(err)
		}
	}
	return found
}
