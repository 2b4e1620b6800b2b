# An installation whose pods get their credentials from IAM roles for service accounts.

terraform {
  required_version = ">= 1.9.0"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.40.0, < 7.0.0"
    }
  }
}

provider "aws" {
  region              = "eu-west-1"
  allowed_account_ids = ["111122223333"]
}

data "aws_eks_cluster" "production" {
  name = "production"
}

# One for each cluster; whoever made the cluster has made it.
data "aws_iam_openid_connect_provider" "production" {
  url = data.aws_eks_cluster.production.identity[0].oidc[0].issuer
}

module "managedcas" {
  source = "../.."

  account_id    = "111122223333"
  region        = "eu-west-1"
  bucket_name   = "example-artifacts"
  ap_prefix     = "chainloop-"
  operator_arns = ["arn:aws:iam::111122223333:role/platform/deployer"]

  namespace = "managedcas"
  irsa      = { oidc_provider_arn = data.aws_iam_openid_connect_provider.production.arn }
}

# tofu output -raw helm_values > aws.yaml
output "helm_values" {
  description = "Values for the Helm chart."
  value       = module.managedcas.helm_values
}
