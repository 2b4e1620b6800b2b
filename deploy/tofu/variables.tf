# The names of the installation are checked by the module in policies, with which these
# variables share their names.

variable "account_id" {
  description = "Account of the installation: 12 digits. Written down, so that nothing is applied to another one."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region of bucket, key and access points, such as eu-west-1."
  type        = string
  nullable    = false
}

variable "bucket_name" {
  description = "The bucket to make."
  type        = string
  nullable    = false
}

variable "ap_prefix" {
  description = "What the names of all access points begin with: 1 to 18 characters, such as chainloop-. No other installation's prefix in the account may begin with it, nor the reverse."
  type        = string
  nullable    = false
}

variable "operator_arns" {
  description = "Users, roles (with their path) or the root of the account that may list the bucket, and never read an object. Who runs OpenTofu has to be among them."
  type        = list(string)
  nullable    = false
}

variable "session_policy_prefix" {
  description = "What the names of all session policies begin with."
  type        = string
  default     = "cas-"
  nullable    = false
}

variable "session_policy_mode" {
  description = "managed, inline or abac: docs/session-policy-modes.md. managed takes one of the account's 1,500 policies for each organization."
  type        = string
  default     = "managed"
  nullable    = false
}

variable "base_role_name" {
  description = "The role that workloads assume for one organization at a time. Names cannot be changed later without replacing the role."
  type        = string
  default     = "managedcas-tenant"
  nullable    = false
}

variable "backend_role_name" {
  description = "The backend's role."
  type        = string
  default     = "managedcas-backend"
  nullable    = false
}

variable "controlplane_role_name" {
  description = "The role of the control plane, and of cas where that has none of its own."
  type        = string
  default     = "managedcas-controlplane"
  nullable    = false
}

variable "cas_role_name" {
  description = "A role of cas's own; null: it shares the control plane's, as in the guide."
  type        = string
  default     = null
}

variable "purge_role_name" {
  description = "Makes a role that deletes the objects of deleted organizations; null: none, you do that (docs/deletion.md)."
  type        = string
  default     = null
}

variable "purged_organizations" {
  description = "Ids of deleted organizations whose objects S3's lifecycle is to delete: those that `managedcasd purge --begin` was called for. Take them out when --done has been."
  type        = set(string)
  default     = []
  nullable    = false
  validation {
    condition     = alltrue([for id in var.purged_organizations : can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", id))])
    error_message = "purged_organizations: want the UUIDs that `managedcasd purge` lists, in lowercase and with dashes. Anything shorter would be a prefix of other organizations' keys."
  }
}

variable "own_bucket_role_arns" {
  description = "Patterns of the roles that organizations may bring with a bucket of their own, such as arn:aws:iam::*:role/managedcas/*; none: they may not (docs/own-buckets.md)."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "secrets_manager" {
  description = "Keeps coordinates in AWS Secrets Manager: the prefix of secret names, and their KMS key, null for the AWS managed one. Null: they are kept elsewhere (docs/secret-stores.md)."
  type = object({
    prefix      = optional(string, "managedcas/")
    kms_key_arn = optional(string)
  })
  default = null
}

variable "namespace" {
  description = "Kubernetes namespace of the release."
  type        = string
  default     = "managedcas"
  nullable    = false
}

variable "service_accounts" {
  description = "Names of the service accounts. The default is what the chart makes for a release named managedcas."
  type = object({
    backend      = optional(string, "managedcas-backend")
    controlplane = optional(string, "managedcas-controlplane")
    cas          = optional(string, "managedcas-cas")
  })
  default  = {}
  nullable = false
  validation {
    condition = length(distinct(values(var.service_accounts))) == 3 && alltrue([
      for name in concat([var.namespace], values(var.service_accounts)) : can(regex("^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", name))
    ])
    error_message = "service_accounts and namespace: want Kubernetes names (lowercase letters, digits, hyphens), and another service account for each workload, for each has a role of its own."
  }
}

variable "pod_identity" {
  description = "For EKS Pod Identity: the cluster, which needs the add-on eks-pod-identity-agent, and its Region where that is another one."
  type = object({
    cluster_name = string
    region       = optional(string)
  })
  default = null
  validation {
    condition     = var.pod_identity == null || var.irsa == null
    error_message = "pod_identity and irsa are both given: a workload has one identity, so leave one of them out."
  }
}

variable "irsa" {
  description = "For IAM roles for service accounts: the ARN of the cluster's OIDC provider. Null: the roles trust EKS Pod Identity."
  type = object({
    oidc_provider_arn = string
  })
  default = null
}

variable "vpc_endpoint_id" {
  description = "An S3 VPC endpoint that serves this installation alone, whose policy is replaced. A gateway endpoint serves everything in its route tables, container images included: for such a one leave this null and merge policy_documents[\"vpc-endpoint-policy\"] into what it has."
  type        = string
  default     = null
  validation {
    condition     = var.vpc_endpoint_id == null || can(regex("^vpce-[0-9a-f]+$", var.vpc_endpoint_id))
    error_message = "vpc_endpoint_id: want the form vpce-0123456789abcdef0: `aws ec2 describe-vpc-endpoints`."
  }
}

variable "versioning" {
  description = "Versions of objects: Disabled, Enabled or Suspended. Artifacts are never overwritten, so versions protect from deletion by an administrator alone, and what is deleted is paid for until it expires. S3 knows no way back to Disabled."
  type        = string
  default     = "Disabled"
  nullable    = false
  validation {
    condition     = contains(["Disabled", "Enabled", "Suspended"], var.versioning)
    error_message = "versioning is \"${var.versioning}\": want Disabled, Enabled or Suspended."
  }
}

variable "key_deletion_window_in_days" {
  description = "How long KMS keeps a key whose deletion was asked for: 7 to 30 days."
  type        = number
  default     = 30
  nullable    = false
  validation {
    condition     = var.key_deletion_window_in_days >= 7 && var.key_deletion_window_in_days <= 30 && floor(var.key_deletion_window_in_days) == var.key_deletion_window_in_days
    error_message = "key_deletion_window_in_days is ${var.key_deletion_window_in_days}: KMS takes 7 to 30."
  }
}

variable "permissions_boundary_arn" {
  description = "A permissions boundary for every role, where the account demands one. It has to allow what the documents allow."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of everything that has tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
