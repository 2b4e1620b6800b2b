# The documents are filled in from the templates that internal/tenancy renders, which have
# every option. Nothing is pasted into JSON that variables.tf has not checked.

locals {
  # Documents and the templates that they come from. cas has a document where it has a role,
  # and controlplane's role has what cas needs where it is cas's too.
  templates = merge(
    {
      "bucket-policy"               = "bucket-policy"
      "key-policy"                  = "key-policy"
      "base-role-trust"             = "base-role-trust"
      "base-role-permissions"       = local.dashed ? "base-role-permissions" : "base-role-permissions-undashed"
      "workload-trust-pod-identity" = "workload-trust-pod-identity"
      "backend-permissions"         = var.session_policy_mode == "managed" ? "backend-permissions" : "backend-permissions-${var.session_policy_mode}"
      "controlplane-permissions"    = local.shared ? "cas-permissions" : "controlplane-permissions"
      "vpc-endpoint-policy"         = "vpc-endpoint-policy"
    },
    { for name in ["cas-permissions"] : name => name if !local.shared },
    { for name in ["purge-role-trust", "purge-role-permissions"] : name => name if var.purge_role_name != null },
  )

  # 36 characters of a UUID with dashes and the prefix fit into the 50 of an access point name.
  dashed = length(var.ap_prefix) + 36 <= 50

  texts = merge(
    { for name, template in local.templates : name => file("${path.module}/../../policies/templates/${template}.json") },
    {
      for workload, accounts in local.service_accounts : "workload-trust-irsa-${workload}" => replace(
        file("${path.module}/../../policies/templates/workload-trust-irsa.json"),
        jsonencode("system:serviceaccount:[namespace]:[serviceAccount]"),
        jsonencode([for account in accounts : "system:serviceaccount:${account.namespace}:${account.name}"]),
      )
    },
    { "session-policy" = local.session_policy },
  )

  # An organization's session policy, which the backend writes; here only to be measured.
  session_policy = replace(
    replace(file("${path.module}/../../policies/session-policy.json"), "[apPrefix][orgId]", "[apPrefix]${local.dashed ? format("%036d", 0) : format("%032d", 0)}"),
    "[orgId]", format("%036d", 0),
  )

  # What stands for a text, and null where this installation has nothing of the kind.
  optional = {
    "[casRoleName]"      = local.shared ? null : var.cas_role_name
    "[purgeRoleName]"    = var.purge_role_name
    "[secretsPrefix]"    = try(var.secrets_manager.prefix, null)
    "[secretsKmsKeyArn]" = try(var.secrets_manager.kms_key_arn, null)
  }
  absent = [for name, value in local.optional : name if value == null]
  names = merge(
    {
      "[accountId]"            = var.account_id
      "[region]"               = var.region
      "[bucketName]"           = var.bucket_name
      "[kmsKeyArn]"            = var.kms_key_arn
      "[apPrefix]"             = var.ap_prefix
      "[baseRoleName]"         = var.base_role_name
      "[sessionPolicyPrefix]"  = var.session_policy_prefix
      "[backendRoleName]"      = var.backend_role_name
      "[controlplaneRoleName]" = var.controlplane_role_name
    },
    { for name, value in local.optional : name => value if value != null },
    { for name in ["[oidcIssuer]"] : name => split(":oidc-provider/", var.irsa.oidc_provider_arn)[1] if var.irsa != null },
  )

  # What stands for any number of texts, none included.
  lists = merge(
    {
      "[operatorArn]"     = var.operator_arns
      "[customerRoleArn]" = [for arn in var.own_bucket_role_arns : arn if split(":", arn)[4] != "*"]

      "arn:${local.partition}:iam::*:role/[customerRolePattern]" = [for arn in var.own_bucket_role_arns : arn if split(":", arn)[4] == "*"]
    },
    # In China the names of services have a second form (kms:ViaService).
    {
      for service in ["s3", "secretsmanager"] : "${service}.${var.region}.amazonaws.com" => [
        "${service}.${var.region}.amazonaws.com",
        "${service}.${var.region}.amazonaws.com.cn",
      ] if local.partition == "aws-cn"
    },
  )

  # First the names within texts, in one pass, so that no name is looked for in another.
  named = {
    for name, text in local.texts : name => join("", [
      for piece in regexall("\\[[A-Za-z]+\\]|[^\\[]+|\\[", replace(text, "arn:aws:", "arn:${local.partition}:")) :
      try(local.names[piece], piece)
    ])
  }

  # Then whole texts of JSON by lists: what names something absent by the empty one.
  listed = {
    for name, text in local.named : name => join("", [
      for piece in regexall("\"[^\"]*\"|[^\"]+", text) : try(
        jsonencode(local.lists[trim(piece, "\"")]),
        anytrue([for name in local.absent : strcontains(piece, name)]) ? "[]" : piece,
      )
    ])
  }

  # Last the statements that an empty list changes. It is read as what it says: a condition
  # that one of no values be equal never holds, one that none of them be equal always does,
  # and a statement about no resource is about nothing.
  documents = {
    for name, text in local.listed : name => jsonencode({
      Version = jsondecode(text).Version
      Statement = [
        for s in jsondecode(text).Statement : merge(
          { for key, value in s : key => value if contains(["Sid", "Effect"], key) || key == "Principal" && !can(keys(value)) },
          { for key, value in s : key => { for kind, list in value : kind => flatten([list]) } if key == "Principal" && can(keys(value)) },
          { for key, value in s : key => flatten([value]) if contains(["Action", "NotAction", "Resource", "NotResource"], key) },
          {
            for key, value in s : key => {
              for operator, tests in value : operator => {
                for k, list in tests : k => flatten([list]) if length(flatten([list])) > 0
              } if length(flatten(values(tests))) > 0
            } if key == "Condition"
          },
          ) if alltrue(concat(
            [for key, value in s : length(flatten([value])) > 0 if key == "Resource"],
            [for operator, tests in try(s.Condition, {}) : strcontains(operator, "Not") || alltrue([for list in values(tests) : length(flatten([list])) > 0])],
        ))
      ]
    }) if name != "session-policy"
  }
}
