data "aws_caller_identity" "deployer" {
  lifecycle {
    postcondition {
      condition     = self.account_id == var.account_id
      error_message = "account_id is ${var.account_id}, and the credentials are of ${self.account_id}: correct the one or the other."
    }
  }
}

# The role behind the deployer's session, with its path; a user's ARN stays what it is.
data "aws_iam_session_context" "deployer" {
  arn = data.aws_caller_identity.deployer.arn
}

# EKS Pod Identity takes one association for each namespace and service account of a
# cluster; a second one is refused with 409. Pods that run already have to be restarted.
resource "aws_eks_pod_identity_association" "workload" {
  for_each = var.pod_identity == null ? {} : local.service_accounts

  region          = coalesce(var.pod_identity.region, var.region)
  cluster_name    = var.pod_identity.cluster_name
  namespace       = var.namespace
  service_account = each.value
  role_arn        = aws_iam_role.workload[local.role_of[each.key]].arn
  # The six tags are transitive: they go along into every session of the base role, where
  # they take some three quarters of the packed size that AWS allows, and nothing reads them.
  disable_session_tags = true
  tags                 = var.tags

  # Pods that start sooner would have a role without permissions.
  depends_on = [aws_iam_role_policy.workload]
}

# A policy of an endpoint is one document: this replaces it.
resource "aws_vpc_endpoint_policy" "s3" {
  count = var.vpc_endpoint_id == null ? 0 : 1

  region          = var.region
  vpc_endpoint_id = var.vpc_endpoint_id
  policy          = module.policies.documents["vpc-endpoint-policy"]
}
