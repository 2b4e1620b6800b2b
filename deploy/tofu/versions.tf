terraform {
  # 1.9: a variable's validation may look at other variables.
  required_version = ">= 1.9.0"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # 6.40: blocked_encryption_types without a difference in every plan
      # (https://github.com/hashicorp/terraform-provider-aws/issues/47320).
      version = ">= 6.40.0, < 7.0.0"
    }
  }
}
