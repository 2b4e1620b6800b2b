output "documents" {
  description = "Policy documents as JSON, by the names of the files that `managedcasd policy render` writes; the trust of workload roles for IRSA as workload-trust-irsa-backend, -controlplane and -cas."
  value       = local.documents

  precondition {
    condition     = !anytrue([for text in values(local.documents) : can(regex("\\[[A-Za-z]+\\]", text))])
    error_message = "A template in deploy/policies/templates has a placeholder that this module does not know: use both of the same release."
  }
  precondition {
    condition     = length(distinct(local.role_names)) == length(local.role_names)
    error_message = "Two of base_role_name, backend_role_name, controlplane_role_name, cas_role_name and purge_role_name are the same but for case: each has permissions of its own, so give each another name."
  }
  precondition {
    condition     = var.session_policy_mode != "inline" || length(jsonencode(jsondecode(local.listed["session-policy"]))) <= 2048
    error_message = "session_policy_mode is inline: with these names a session policy has ${length(jsonencode(jsondecode(local.listed["session-policy"])))} characters, and AssumeRole takes 2048. Shorten bucket_name or ap_prefix, or choose the mode managed or abac."
  }
}

output "partition" {
  description = "aws, aws-us-gov or aws-cn."
  value       = local.partition
}

output "configuration" {
  description = "What the programs' configuration file, and so the values of the Helm chart, have to say of the installation."
  value = merge(
    {
      backend = {
        managedCas = merge(
          {
            enabled              = true
            partition            = local.partition
            region               = var.region
            accountId            = var.account_id
            bucketName           = var.bucket_name
            kmsKeyArn            = var.kms_key_arn
            apPrefix             = var.ap_prefix
            baseRoleName         = var.base_role_name
            sessionPolicyPrefix  = var.session_policy_prefix
            sessionPolicyMode    = var.session_policy_mode
            backendRoleName      = var.backend_role_name
            controlplaneRoleName = var.controlplane_role_name
            operatorArns         = var.operator_arns
          },
          { for key in ["casRoleName"] : key => var.cas_role_name if !local.shared },
          { for key in ["purge"] : key => { enabled = true, roleName = var.purge_role_name } if var.purge_role_name != null },
        )
      }
    },
    {
      for key in ["cas"] : key => { ownBuckets = { enabled = true, roleArns = var.own_bucket_role_arns } }
      if length(var.own_bucket_role_arns) > 0
    },
    {
      for key in ["secretStore"] : key => {
        driver = "awsSecretsManager"
        aws = merge(
          { namePrefix = var.secrets_manager.prefix },
          { for key in ["kmsKeyArn"] : key => var.secrets_manager.kms_key_arn if var.secrets_manager.kms_key_arn != null },
        )
      } if var.secrets_manager != null
    },
  )
}
