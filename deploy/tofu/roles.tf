locals {
  workload_roles = merge(
    { backend = var.backend_role_name, controlplane = var.controlplane_role_name },
    { for workload in ["cas"] : workload => var.cas_role_name if local.cas_has_a_role },
  )
  role_of = { for workload in ["backend", "controlplane", "cas"] : workload => workload == "cas" && !local.cas_has_a_role ? "controlplane" : workload }
}

# The workload identities.
resource "aws_iam_role" "workload" {
  for_each = local.workload_roles

  name        = each.value
  description = "managedcas ${each.key} workload"
  assume_role_policy = module.policies.documents[
    var.irsa == null ? "workload-trust-pod-identity" : "workload-trust-irsa-${each.key}"
  ]
  # What role chaining allows anyway, and the least that IAM can be told.
  max_session_duration = 3600
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "workload" {
  for_each = local.workload_roles

  name   = "managedcas"
  role   = aws_iam_role.workload[each.key].name
  policy = module.policies.documents["${each.key}-permissions"]
}

# The base role. A role that is replaced gets another unique id, which every access point
# policy names: the backend reads it from IAM and rewrites them, so nothing passes it on.
resource "aws_iam_role" "base" {
  name                 = var.base_role_name
  description          = "managedcas tenant role: assumed per organization"
  assume_role_policy   = module.policies.documents["base-role-trust"]
  max_session_duration = 3600
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  # Its trust names them, and IAM refuses principals that do not exist.
  depends_on = [aws_iam_role.workload]
}

resource "aws_iam_role_policy" "base" {
  name   = "managedcas"
  role   = aws_iam_role.base.name
  policy = module.policies.documents["base-role-permissions"]
}

# The role that deletes the objects of deleted organizations, where there is one.
resource "aws_iam_role" "purge" {
  count = var.purge_role_name == null ? 0 : 1

  name                 = var.purge_role_name
  description          = "managedcas purge role: assumed per deleted organization"
  assume_role_policy   = module.policies.documents["purge-role-trust"]
  max_session_duration = 3600
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  depends_on = [aws_iam_role.workload]
}

resource "aws_iam_role_policy" "purge" {
  count = var.purge_role_name == null ? 0 : 1

  name   = "managedcas"
  role   = aws_iam_role.purge[0].name
  policy = module.policies.documents["purge-role-permissions"]
}
