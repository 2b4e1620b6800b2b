locals {
  configuration = module.policies.configuration

  # What the chart has to say of the installation and of the identities of its pods.
  helm_values = merge(local.configuration, {
    workloadIdentity = var.irsa == null ? "podIdentity" : "irsa"
    backend          = merge(local.configuration.backend, { serviceAccount = { name = var.service_accounts.backend } })
    controlplane     = { serviceAccount = { name = var.service_accounts.controlplane } }
    cas              = merge(try(local.configuration.cas, {}), { serviceAccount = { name = var.service_accounts.cas } })
  })
}

output "helm_values" {
  description = "Values for the Helm chart, to put into a file: tofu output -raw helm_values > aws.yaml; helm upgrade … -f aws.yaml."
  value       = yamlencode(local.helm_values)
}

output "configuration" {
  description = "The same for a configuration file without Helm, as YAML: backend.managedCas and what belongs to it."
  value       = yamlencode(local.configuration)
}

output "kms_key_arn" {
  description = "The key that artifacts are encrypted with."
  value       = aws_kms_key.artifacts.arn
}

output "bucket_name" {
  description = "The bucket, when its policy is in place."
  value       = aws_s3_bucket_policy.artifacts.bucket
}

output "base_role_arn" {
  description = "The base role."
  value       = aws_iam_role.base.arn
}

output "base_role_unique_id" {
  description = "Its AROA id, for `managedcasd policy render --base-role-id`."
  value       = aws_iam_role.base.unique_id
}

output "workload_role_arns" {
  description = "Roles by workload; cas's is the control plane's where it has none of its own."
  value       = { for workload, role in local.role_of : workload => aws_iam_role.workload[role].arn }
}

output "policy_documents" {
  description = "Every policy document, by name: what `managedcasd policy render` writes."
  value       = module.policies.documents
}
