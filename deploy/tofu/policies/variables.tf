# What is checked here is what tenancy.New checks in the programs' configuration.

variable "account_id" {
  description = "Account of the installation: 12 digits."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is \"${var.account_id}\": want the 12 digits of `aws sts get-caller-identity --query Account`, as a string."
  }
}

variable "region" {
  description = "Region of bucket, key and access points."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]{1,2}$", var.region))
    error_message = "region is \"${var.region}\": want the form eu-west-1."
  }
}

variable "bucket_name" {
  description = "The installation's bucket."
  type        = string
  nullable    = false
  validation {
    condition     = length(var.bucket_name) >= 3 && length(var.bucket_name) <= 63
    error_message = "bucket_name \"${var.bucket_name}\" has ${length(var.bucket_name)} characters: want 3 to 63."
  }
  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]*[a-z0-9]$", var.bucket_name)) && !strcontains(var.bucket_name, "..")
    error_message = "bucket_name \"${var.bucket_name}\": use lowercase letters, digits, hyphens and single inner dots, and begin and end with a letter or digit."
  }
  validation {
    condition     = !can(regex("^[0-9]+[.][0-9]+[.][0-9]+[.][0-9]+$", var.bucket_name))
    error_message = "bucket_name \"${var.bucket_name}\" is formatted as an IP address: choose another."
  }
  validation {
    condition = !anytrue(concat(
      [for prefix in ["xn--", "sthree-", "amzn-s3-demo-"] : startswith(var.bucket_name, prefix)],
      [for suffix in ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"] : endswith(var.bucket_name, suffix)],
    ))
    error_message = "bucket_name \"${var.bucket_name}\" begins or ends with what AWS reserves (https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html): choose another."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key itself, never of an alias."
  type        = string
  nullable    = false
  validation {
    # KMS resolves an alias in the account of whoever makes the request.
    condition     = !strcontains(var.kms_key_arn, "alias/")
    error_message = "kms_key_arn \"${var.kms_key_arn}\" is an alias: give the ARN of the key itself, ${local.kms_prefix}…"
  }
  validation {
    condition     = strcontains(var.kms_key_arn, "alias/") || startswith(var.kms_key_arn, local.kms_prefix) && can(regex(":key/[A-Za-z0-9-]{1,256}$", var.kms_key_arn))
    error_message = "kms_key_arn \"${var.kms_key_arn}\": want the ARN of a key in the account and Region of the bucket, ${local.kms_prefix}…"
  }
}

variable "ap_prefix" {
  description = "What the names of all access points begin with: 1 to 18 characters. No other installation's prefix in the account may begin with it."
  type        = string
  nullable    = false
  validation {
    condition     = length(var.ap_prefix) >= 1 && length(var.ap_prefix) <= 18
    error_message = "ap_prefix \"${var.ap_prefix}\" has ${length(var.ap_prefix)} characters: choose one of 1 to 18, such as chainloop-, for an access point name has at most 50, and 32 of them are the organization's UUID."
  }
  validation {
    condition     = var.ap_prefix == "" || can(regex("^[a-z0-9][a-z0-9-]*$", var.ap_prefix))
    error_message = "ap_prefix \"${var.ap_prefix}\": use lowercase letters, digits and hyphens, and begin with a letter or digit."
  }
}

variable "session_policy_prefix" {
  description = "What the names of all session policies begin with."
  type        = string
  default     = "cas-"
  nullable    = false
  validation {
    condition     = length(var.session_policy_prefix) >= 1 && length(var.session_policy_prefix) <= 92
    error_message = "session_policy_prefix \"${var.session_policy_prefix}\" has ${length(var.session_policy_prefix)} characters: choose one of 1 to 92, such as cas-, for a policy name has at most 128, and 36 of them are the organization's UUID; with none the backend could change every policy of the account."
  }
  validation {
    condition     = var.session_policy_prefix == "" || can(regex("^[A-Za-z0-9_+=,.@-]+$", var.session_policy_prefix))
    error_message = "session_policy_prefix \"${var.session_policy_prefix}\": use letters, digits and _+=,.@-"
  }
}

variable "session_policy_mode" {
  description = "managed, inline or abac: docs/session-policy-modes.md."
  type        = string
  default     = "managed"
  nullable    = false
  validation {
    condition     = contains(["managed", "inline", "abac"], var.session_policy_mode)
    error_message = "session_policy_mode is \"${var.session_policy_mode}\": want managed, inline or abac."
  }
  validation {
    # A pattern of wildcards in place of the UUID would let a session use another
    # organization's access point for its own keys.
    condition     = var.session_policy_mode != "abac" || local.dashed
    error_message = "session_policy_mode is abac and ap_prefix has ${length(var.ap_prefix)} characters: the session's tag has dashes, and the names of access points have them only up to 14; choose a shorter ap_prefix, or the mode inline."
  }
}

variable "base_role_name" {
  description = "The role that workloads assume for one organization at a time."
  type        = string
  default     = "managedcas-tenant"
  nullable    = false
  validation {
    condition     = can(regex("^[A-Za-z0-9_+=,.@-]{1,64}$", var.base_role_name))
    error_message = "base_role_name \"${var.base_role_name}\": want 1 to 64 letters, digits and _+=,.@- (a name, not an ARN or a path)."
  }
}

variable "backend_role_name" {
  description = "The backend's role."
  type        = string
  default     = "managedcas-backend"
  nullable    = false
  validation {
    condition     = can(regex("^[A-Za-z0-9_+=,.@-]{1,64}$", var.backend_role_name))
    error_message = "backend_role_name \"${var.backend_role_name}\": want 1 to 64 letters, digits and _+=,.@- (a name, not an ARN or a path)."
  }
}

variable "controlplane_role_name" {
  description = "The role of the control plane, and of cas where that has none of its own."
  type        = string
  default     = "managedcas-controlplane"
  nullable    = false
  validation {
    condition     = can(regex("^[A-Za-z0-9_+=,.@-]{1,64}$", var.controlplane_role_name))
    error_message = "controlplane_role_name \"${var.controlplane_role_name}\": want 1 to 64 letters, digits and _+=,.@- (a name, not an ARN or a path)."
  }
}

variable "cas_role_name" {
  description = "A role of cas's own; null: it shares the control plane's, as in the guide."
  type        = string
  default     = null
  validation {
    condition     = var.cas_role_name == null || can(regex("^[A-Za-z0-9_+=,.@-]{1,64}$", var.cas_role_name))
    error_message = "cas_role_name \"${coalesce(var.cas_role_name, "null")}\": want 1 to 64 letters, digits and _+=,.@- (a name, not an ARN or a path), or null."
  }
}

variable "purge_role_name" {
  description = "The role that deletes the objects of deleted organizations; null: there is none, and nobody deletes but you (docs/deletion.md)."
  type        = string
  default     = null
  validation {
    condition     = var.purge_role_name == null || can(regex("^[A-Za-z0-9_+=,.@-]{1,64}$", var.purge_role_name))
    error_message = "purge_role_name \"${coalesce(var.purge_role_name, "null")}\": want 1 to 64 letters, digits and _+=,.@- (a name, not an ARN or a path), or null."
  }
}

variable "operator_arns" {
  description = "Users, roles or the root of the account that may list the bucket, and never read an object. Who runs OpenTofu has to be among them."
  type        = list(string)
  default     = []
  nullable    = false
  validation {
    condition = alltrue([
      for arn in var.operator_arns : startswith(arn, local.iam_arn) && can(regex(":(root|(user|role)/[A-Za-z0-9_+=,.@/-]+)$", arn))
    ])
    error_message = "operator_arns: want ${local.iam_arn}root, …user/NAME or …role/NAME, without wildcards. Of a session it is the role that counts, with its path: `aws iam get-role --query Role.Arn`."
  }
  validation {
    condition     = length(setintersection([for arn in var.operator_arns : lower(arn)], [for name in local.role_names : lower("${local.iam_arn}role/${name}")])) == 0
    error_message = "operator_arns has a role of the installation itself, which must not list the bucket: take it out."
  }
}

variable "own_bucket_role_arns" {
  description = "Patterns of the roles that organizations may bring with a bucket of their own, such as arn:aws:iam::*:role/managedcas/*; none: they may not (docs/own-buckets.md)."
  type        = list(string)
  default     = []
  nullable    = false
  validation {
    condition = alltrue([
      for arn in var.own_bucket_role_arns : can(regex("^arn:${local.partition}:iam::([0-9]{12}|[*]):role/.", arn)) && !strcontains(arn, "$") && !strcontains(arn, "\"")
    ])
    error_message = "own_bucket_role_arns: want arn:${local.partition}:iam::ACCOUNT:role/ and a name or a pattern, with * for any account."
  }
}

variable "secrets_manager" {
  description = "Where coordinates are kept in AWS Secrets Manager: the prefix of secret names, and their KMS key, null for the AWS managed one. Null: they are kept elsewhere (docs/secret-stores.md)."
  type = object({
    prefix      = optional(string, "managedcas/")
    kms_key_arn = optional(string)
  })
  default = null
  validation {
    condition     = var.secrets_manager == null || can(regex("^[A-Za-z0-9/_+=.@-]+[/-]$", var.secrets_manager.prefix)) && try(length(var.secrets_manager.prefix), 0) <= 476
    error_message = "secrets_manager.prefix: use up to 476 letters, digits and /_+=.@- and end it with / or -, such as managedcas/."
  }
  validation {
    # The key policy denies the workloads any use of the bucket's key that does not come from S3.
    condition     = try(var.secrets_manager.kms_key_arn, null) == null || try(var.secrets_manager.kms_key_arn != var.kms_key_arn, false)
    error_message = "secrets_manager.kms_key_arn is the bucket's key, which serves S3 alone: give another one, or null for the AWS managed key."
  }
  validation {
    condition     = try(var.secrets_manager.kms_key_arn, null) == null || can(regex("^${local.kms_prefix}[A-Za-z0-9-]{1,256}$", var.secrets_manager.kms_key_arn))
    error_message = "secrets_manager.kms_key_arn: want the ARN of a key in the account and Region of the installation, ${local.kms_prefix}…, not an alias."
  }
}

variable "irsa" {
  description = "For IAM roles for service accounts: the cluster's OIDC provider, and whose tokens are believed for which workload. Null: no trust documents for it."
  type = object({
    oidc_provider_arn = string
    service_accounts = object({
      backend      = list(object({ namespace = string, name = string }))
      controlplane = list(object({ namespace = string, name = string }))
      cas          = list(object({ namespace = string, name = string }))
    })
  })
  default = null
  validation {
    condition     = var.irsa == null || can(regex("^${local.iam_arn}oidc-provider/[A-Za-z0-9._/:-]+$", var.irsa.oidc_provider_arn))
    error_message = "irsa.oidc_provider_arn: want ${local.iam_arn}oidc-provider/ISSUER, an identity provider in the account of the installation: `aws iam list-open-id-connect-providers`."
  }
  validation {
    # Wildcards would let other pods in.
    condition = var.irsa == null || alltrue(flatten([
      for accounts in try(values(var.irsa.service_accounts), []) : [length(accounts) > 0, [
        for account in accounts : [for part in [account.namespace, account.name] : can(regex("^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", part))]
      ]]
    ]))
    error_message = "irsa.service_accounts: name at least one service account for each workload, by namespace and name, without wildcards."
  }
}
