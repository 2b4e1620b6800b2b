# Every document of the installation. The module has no provider: it can be applied by
# itself, and compared with `managedcasd policy render`.
module "policies" {
  source = "./policies"

  account_id             = var.account_id
  region                 = var.region
  bucket_name            = var.bucket_name
  kms_key_arn            = aws_kms_key.artifacts.arn
  ap_prefix              = var.ap_prefix
  session_policy_prefix  = var.session_policy_prefix
  session_policy_mode    = var.session_policy_mode
  base_role_name         = var.base_role_name
  backend_role_name      = var.backend_role_name
  controlplane_role_name = var.controlplane_role_name
  cas_role_name          = var.cas_role_name
  purge_role_name        = var.purge_role_name
  operator_arns          = var.operator_arns
  own_bucket_role_arns   = var.own_bucket_role_arns
  secrets_manager        = var.secrets_manager

  irsa = var.irsa == null ? null : {
    oidc_provider_arn = var.irsa.oidc_provider_arn
    service_accounts  = { for workload, name in local.service_accounts : workload => [{ namespace = var.namespace, name = name }] }
  }
}

locals {
  service_accounts = {
    backend      = var.service_accounts.backend
    controlplane = var.service_accounts.controlplane
    cas          = var.service_accounts.cas
  }

  # The guide lets controlplane and cas share a role.
  cas_has_a_role = var.cas_role_name != null && var.cas_role_name != var.controlplane_role_name
}
