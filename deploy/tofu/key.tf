resource "aws_kms_key" "artifacts" {
  region                  = var.region
  description             = "managedcas artifacts in ${var.bucket_name}"
  enable_key_rotation     = true
  deletion_window_in_days = var.key_deletion_window_in_days
  tags                    = var.tags

  lifecycle {
    # Without the key no artifact can be read. Read "Destroy" in README.md.
    prevent_destroy = true
  }
}

# Not an argument of the key: the documents name the key, so they come after it.
resource "aws_kms_key_policy" "artifacts" {
  region = var.region
  key_id = aws_kms_key.artifacts.key_id
  policy = module.policies.documents["key-policy"]

  # KMS refuses principals that do not exist.
  depends_on = [aws_iam_role.workload, aws_iam_role.base]
}

# Of the characters of bucket names, aliases lack the dot.
resource "aws_kms_alias" "artifacts" {
  region        = var.region
  name          = "alias/${replace(var.bucket_name, ".", "_")}"
  target_key_id = aws_kms_key.artifacts.key_id
}
