package tofu

import (
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// kind is a type of resource or data source as the provider's documentation has it: the
// arguments that it takes and the attributes that it has besides. What is not in this table
// the modules may not use; deprecated arguments are left out of it.
type kind struct {
	source string
	body
	exports map[string]func(arguments map[string]cty.Value) cty.Value
}

type body struct {
	required, optional string // names, separated by spaces
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

type exports = map[string]func(map[string]cty.Value) cty.Value

func says(text string) func(map[string]cty.Value) cty.Value {
	return func(map[string]cty.Value) cty.Value { return cty.StringVal(text) }
}

// after is a text and an argument behind it.
func after(text, argument string) func(map[string]cty.Value) cty.Value {
	return func(arguments map[string]cty.Value) cty.Value {
		return cty.StringVal(text + arguments[argument].AsString())
	}
}

// provider is what we use of hashicorp/aws. That every Region's resource takes region is new
// in 6.0 (https://github.com/hashicorp/terraform-provider-aws/blob/main/website/docs/guides/enhanced-region-support.html.markdown).
var provider = map[string]kind{
	"aws_iam_role": {
		source:  resources + "iam_role.html.markdown",
		body:    body{"assume_role_policy", "description force_detach_policies max_session_duration name name_prefix path permissions_boundary tags", nil},
		exports: exports{"arn": after("arn:aws:iam::"+account+":role/", "name"), "id": after("", "name"), "create_date": says(""), "unique_id": after("AROA", "name"), "tags_all": nil},
	},
	"aws_iam_role_policy": {
		source:  resources + "iam_role_policy.html.markdown",
		body:    body{"policy role", "name name_prefix", nil},
		exports: exports{"id": after("", "role")},
	},
	"aws_kms_key": {
		source: resources + "kms_key.html.markdown",
		body: body{"", "region description key_usage custom_key_store_id customer_master_key_spec policy bypass_policy_lockout_safety_check " +
			"deletion_window_in_days is_enabled enable_key_rotation rotation_period_in_days multi_region tags xks_key_id", nil},
		exports: exports{"arn": says(madeKey), "key_id": says(strings.Split(madeKey, "/")[1]), "tags_all": nil},
	},
	"aws_kms_key_policy": {
		source: resources + "kms_key_policy.html.markdown",
		body:   body{"key_id policy", "region bypass_policy_lockout_safety_check", nil},
	},
	"aws_kms_alias": {
		source:  resources + "kms_alias.html.markdown",
		body:    body{"target_key_id", "region name name_prefix", nil},
		exports: exports{"arn": after("arn:aws:kms:"+region+":"+account+":", "name"), "target_key_arn": says(madeKey)},
	},
	"aws_s3_bucket": {
		source:  resources + "s3_bucket.html.markdown",
		body:    body{"", "region bucket bucket_prefix force_destroy object_lock_enabled tags", nil},
		exports: exports{"id": after("", "bucket"), "arn": after("arn:aws:s3:::", "bucket"), "bucket_region": says(region), "tags_all": nil},
	},
	"aws_s3_bucket_public_access_block": {
		source:  resources + "s3_bucket_public_access_block.html.markdown",
		body:    body{"bucket", "region block_public_acls block_public_policy ignore_public_acls restrict_public_buckets skip_destroy", nil},
		exports: exports{"id": after("", "bucket")},
	},
	"aws_s3_bucket_ownership_controls": {
		source:  resources + "s3_bucket_ownership_controls.html.markdown",
		body:    body{"bucket", "region", map[string]body{"rule": {"object_ownership", "", nil}}},
		exports: exports{"id": after("", "bucket")},
	},
	"aws_s3_bucket_server_side_encryption_configuration": {
		source: resources + "s3_bucket_server_side_encryption_configuration.html.markdown",
		body: body{"bucket", "region", map[string]body{"rule": {"", "bucket_key_enabled blocked_encryption_types", map[string]body{
			"apply_server_side_encryption_by_default": {"sse_algorithm", "kms_master_key_id", nil},
		}}}},
		exports: exports{"id": after("", "bucket")},
	},
	"aws_s3_bucket_versioning": {
		source:  resources + "s3_bucket_versioning.html.markdown",
		body:    body{"bucket", "region mfa", map[string]body{"versioning_configuration": {"status", "mfa_delete", nil}}},
		exports: exports{"id": after("", "bucket")},
	},
	"aws_s3_bucket_lifecycle_configuration": {
		source: resources + "s3_bucket_lifecycle_configuration.html.markdown",
		body: body{"bucket", "region transition_default_minimum_object_size", map[string]body{"rule": {"id status", "", map[string]body{
			"abort_incomplete_multipart_upload": {"", "days_after_initiation", nil},
			"expiration":                        {"", "date days expired_object_delete_marker", nil},
			"filter":                            {"", "object_size_greater_than object_size_less_than prefix", nil},
			"noncurrent_version_expiration":     {"noncurrent_days", "newer_noncurrent_versions", nil},
		}}}},
		exports: exports{"id": after("", "bucket")},
	},
	"aws_s3_bucket_policy": {
		source: resources + "s3_bucket_policy.html.markdown",
		body:   body{"bucket policy", "region", nil},
	},
	"aws_eks_pod_identity_association": {
		source:  resources + "eks_pod_identity_association.html.markdown",
		body:    body{"cluster_name namespace role_arn service_account", "disable_session_tags region tags target_role_arn", nil},
		exports: exports{"association_arn": says(""), "association_id": says(""), "external_id": says(""), "tags_all": nil},
	},
	"aws_vpc_endpoint_policy": {
		source:  resources + "vpc_endpoint_policy.html.markdown",
		body:    body{"vpc_endpoint_id", "region policy", nil},
		exports: exports{"id": after("", "vpc_endpoint_id")},
	},
	"data.aws_caller_identity": {
		source: data + "caller_identity.html.markdown",
		exports: exports{
			"account_id": says(account), "id": says(account), "user_id": says("AROADEPLOYER:me"),
			"arn": says("arn:aws:sts::" + account + ":assumed-role/deployer/me"),
		},
	},
	"data.aws_iam_session_context": {
		source:  data + "iam_session_context.html.markdown",
		body:    body{"arn", "", nil},
		exports: exports{"issuer_arn": says(deployer), "issuer_id": says("AROADEPLOYER"), "issuer_name": says("deployer"), "session_name": says("me")},
	},
	"data.aws_eks_cluster": {
		source: data + "eks_cluster.html.markdown",
		body:   body{"name", "region", nil},
		exports: exports{"arn": says(""), "identity": func(map[string]cty.Value) cty.Value {
			oidc := cty.ObjectVal(map[string]cty.Value{"issuer": cty.StringVal("https://" + issuer)})
			return cty.ListVal([]cty.Value{cty.ObjectVal(map[string]cty.Value{"oidc": cty.ListVal([]cty.Value{oidc})})})
		}},
	},
	"data.aws_iam_openid_connect_provider": {
		source:  data + "iam_openid_connect_provider.html.markdown",
		body:    body{"", "url", nil}, // or arn, which is known here afterwards
		exports: exports{"arn": says("arn:aws:iam::" + account + ":oidc-provider/" + issuer), "tags": nil},
	},
}
