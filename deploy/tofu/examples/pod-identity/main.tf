# An installation whose pods get their credentials from EKS Pod Identity.

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

module "managedcas" {
  source = "../.."

  account_id    = "111122223333"
  region        = "eu-west-1"
  bucket_name   = "example-artifacts"
  ap_prefix     = "chainloop-"
  operator_arns = ["arn:aws:iam::111122223333:role/platform/deployer"]

  # cas on its own role, so that the control plane cannot become an organization for it.
  cas_role_name = "managedcas-cas"

  namespace    = "managedcas"
  pod_identity = { cluster_name = "production" }
}

# tofu output -raw helm_values > aws.yaml
output "helm_values" {
  description = "Values for the Helm chart."
  value       = module.managedcas.helm_values
}
