package tofu

import (
	"strings"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// kind is a type of resource or data source as the provider's documentation has it: the
// arguments that it takes and the attributes that it has besides. What is not in this table
// the modules may not use; deprecated arguments are left out of it.
type kind struct {
	source string
	body
	// exports are attributes that AWS would answer: a text, in which {name} stands for that
	// argument, or a JSON list.
	exports map[string]string
}

type body struct {
	required, optional string // names, separated by spaces, each with its type if that is not string
	blocks             map[string]body
}

const (
	account = "111122223333"
	region  = "eu-west-1"
	madeKey = "arn:aws:kms:" + region + ":" + account + ":key/11111111-2222-3333-4444-555555555555"
	// deployer runs OpenTofu, by a session of its role.
	deployer = "arn:aws:iam::" + account + ":role/platform/deployer"
	issuer   = "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"

	resources = "https://github.com/hashicorp/terraform-provider-aws/blob/main/website/docs/r/"
	data      = "https://github.com/hashicorp/terraform-provider-aws/blob/main/website/docs/d/"
)

// named are the arguments of a list of names.
func named(list string) map[string]cty.Type {
	types := map[string]cty.Type{
		"": cty.String, "number": cty.Number, "bool": cty.Bool, "list": cty.List(cty.String), "map": cty.Map(cty.String),
	}
	arguments := map[string]cty.Type{}
	for field := range strings.FieldsSeq(list) {
		name, kind, _ := strings.Cut(field, ":")
		arguments[name] = types[kind]
	}
	return arguments
}

type exports = map[string]string

// provider is what we use of hashicorp/aws. That every Region's resource takes region is new
// in 6.0 (https://github.com/hashicorp/terraform-provider-aws/blob/main/website/docs/guides/enhanced-region-support.html.markdown).
var provider = map[string]kind{
	"aws_iam_role": {
		source:  resources + "iam_role.html.markdown",
		body:    body{"assume_role_policy", "description force_detach_policies:bool max_session_duration:number name name_prefix path permissions_boundary tags:map", nil},
		exports: exports{"arn": "arn:aws:iam::" + account + ":role/{name}", "id": "{name}", "create_date": "", "unique_id": "AROA{name}", "tags_all": ""},
	},
	"aws_iam_role_policy": {
		source:  resources + "iam_role_policy.html.markdown",
		body:    body{"policy role", "name name_prefix", nil},
		exports: exports{"id": "{role}"},
	},
	"aws_kms_key": {
		source: resources + "kms_key.html.markdown",
		body: body{"", "region description key_usage custom_key_store_id customer_master_key_spec policy bypass_policy_lockout_safety_check:bool " +
			"deletion_window_in_days:number is_enabled:bool enable_key_rotation:bool rotation_period_in_days:number multi_region:bool tags:map xks_key_id", nil},
		exports: exports{"arn": madeKey, "key_id": strings.Split(madeKey, "/")[1], "tags_all": ""},
	},
	"aws_kms_key_policy": {
		source: resources + "kms_key_policy.html.markdown",
		body:   body{"key_id policy", "region bypass_policy_lockout_safety_check:bool", nil},
	},
	"aws_kms_alias": {
		source:  resources + "kms_alias.html.markdown",
		body:    body{"target_key_id", "region name name_prefix", nil},
		exports: exports{"arn": "arn:aws:kms:" + region + ":" + account + ":{name}", "target_key_arn": madeKey},
	},
	"aws_s3_bucket": {
		source:  resources + "s3_bucket.html.markdown",
		body:    body{"", "region bucket bucket_prefix force_destroy:bool object_lock_enabled:bool tags:map", nil},
		exports: exports{"id": "{bucket}", "arn": "arn:aws:s3:::{bucket}", "bucket_region": region, "tags_all": ""},
	},
	"aws_s3_bucket_public_access_block": {
		source:  resources + "s3_bucket_public_access_block.html.markdown",
		body:    body{"bucket", "region block_public_acls:bool block_public_policy:bool ignore_public_acls:bool restrict_public_buckets:bool skip_destroy:bool", nil},
		exports: exports{"id": "{bucket}"},
	},
	"aws_s3_bucket_ownership_controls": {
		source:  resources + "s3_bucket_ownership_controls.html.markdown",
		body:    body{"bucket", "region", map[string]body{"rule": {"object_ownership", "", nil}}},
		exports: exports{"id": "{bucket}"},
	},
	"aws_s3_bucket_server_side_encryption_configuration": {
		source: resources + "s3_bucket_server_side_encryption_configuration.html.markdown",
		body: body{"bucket", "region", map[string]body{"rule": {"", "bucket_key_enabled:bool blocked_encryption_types:list", map[string]body{
			"apply_server_side_encryption_by_default": {"sse_algorithm", "kms_master_key_id", nil},
		}}}},
		exports: exports{"id": "{bucket}"},
	},
	"aws_s3_bucket_versioning": {
		source:  resources + "s3_bucket_versioning.html.markdown",
		body:    body{"bucket", "region mfa", map[string]body{"versioning_configuration": {"status", "mfa_delete", nil}}},
		exports: exports{"id": "{bucket}"},
	},
	"aws_s3_bucket_lifecycle_configuration": {
		source: resources + "s3_bucket_lifecycle_configuration.html.markdown",
		body: body{"bucket", "region transition_default_minimum_object_size", map[string]body{"rule": {"id status", "", map[string]body{
			"abort_incomplete_multipart_upload": {"", "days_after_initiation:number", nil},
			"expiration":                        {"", "date days:number expired_object_delete_marker:bool", nil},
			"filter":                            {"", "object_size_greater_than:number object_size_less_than:number prefix", nil},
			"noncurrent_version_expiration":     {"noncurrent_days:number", "newer_noncurrent_versions:number", nil},
		}}}},
		exports: exports{"id": "{bucket}"},
	},
	"aws_s3_bucket_policy": {
		source: resources + "s3_bucket_policy.html.markdown",
		body:   body{"bucket policy", "region", nil},
	},
	"aws_eks_pod_identity_association": {
		source:  resources + "eks_pod_identity_association.html.markdown",
		body:    body{"cluster_name namespace role_arn service_account", "disable_session_tags:bool region tags:map target_role_arn", nil},
		exports: exports{"association_arn": "", "association_id": "", "external_id": "", "tags_all": ""},
	},
	"aws_vpc_endpoint_policy": {
		source:  resources + "vpc_endpoint_policy.html.markdown",
		body:    body{"vpc_endpoint_id", "region policy", nil},
		exports: exports{"id": "{vpc_endpoint_id}"},
	},
	"data.aws_caller_identity": {
		source: data + "caller_identity.html.markdown",
		exports: exports{
			"account_id": account, "id": account, "user_id": "AROADEPLOYER:me",
			"arn": "arn:aws:sts::" + account + ":assumed-role/deployer/me",
		},
	},
	"data.aws_iam_session_context": {
		source:  data + "iam_session_context.html.markdown",
		body:    body{"arn", "", nil},
		exports: exports{"issuer_arn": deployer, "issuer_id": "AROADEPLOYER", "issuer_name": "deployer", "session_name": "me"},
	},
	"data.aws_eks_cluster": {
		source:  data + "eks_cluster.html.markdown",
		body:    body{"name", "region", nil},
		exports: exports{"arn": "", "identity": `[{"oidc": [{"issuer": "https://` + issuer + `"}]}]`},
	},
	"data.aws_iam_openid_connect_provider": {
		source:  data + "iam_openid_connect_provider.html.markdown",
		body:    body{"", "url", nil}, // or arn, which is known here afterwards
		exports: exports{"arn": "arn:aws:iam::" + account + ":oidc-provider/" + issuer, "tags": ""},
	},
}

// answer is an export, for these arguments.
func answer(template string, arguments map[string]cty.Value) (cty.Value, error) {
	if strings.HasPrefix(template, "[") {
		kind, err := ctyjson.ImpliedType([]byte(template))
		if err != nil {
			return cty.NilVal, err
		}
		return ctyjson.Unmarshal([]byte(template), kind)
	}
	for name, value := range arguments {
		if value.Type() == cty.String && !value.IsNull() {
			template = strings.ReplaceAll(template, "{"+name+"}", value.AsString())
		}
	}
	return cty.StringVal(template), nil
}
