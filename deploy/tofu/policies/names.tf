locals {
  partition = startswith(var.region, "us-gov-") ? "aws-us-gov" : startswith(var.region, "cn-") ? "aws-cn" : "aws"

  iam_arn    = "arn:${local.partition}:iam::${var.account_id}:"
  kms_prefix = "arn:${local.partition}:kms:${var.region}:${var.account_id}:key/"

  # The guide lets controlplane and cas share a role.
  shared = var.cas_role_name == null || var.cas_role_name == var.controlplane_role_name

  # IAM's names are unique without regard to case.
  role_names = [for name in compact([
    var.base_role_name, var.backend_role_name, var.controlplane_role_name, local.shared ? null : var.cas_role_name, var.purge_role_name,
  ]) : lower(name)]

  # Whose tokens are believed: per role, for IRSA.
  service_accounts = var.irsa == null ? {} : merge(
    {
      backend      = var.irsa.service_accounts.backend
      controlplane = concat(var.irsa.service_accounts.controlplane, local.shared ? var.irsa.service_accounts.cas : [])
    },
    { for name in ["cas"] : name => var.irsa.service_accounts.cas if !local.shared },
  )
}
