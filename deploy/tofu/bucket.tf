# The settings of the bucket follow each other: S3 answers changes at the same time with
# 409 OperationAborted. Public access is blocked before anything else is said about it.

resource "aws_s3_bucket" "artifacts" {
  region        = var.region
  bucket        = var.bucket_name
  force_destroy = false
  tags          = var.tags

  lifecycle {
    # Read "Destroy" in README.md.
    prevent_destroy = true

    precondition {
      condition     = contains(var.operator_arns, data.aws_iam_session_context.deployer.issuer_arn)
      error_message = "operator_arns does not have \"${data.aws_iam_session_context.deployer.issuer_arn}\", which runs this. To look at the bucket is s3:ListBucket, which the bucket policy denies to everybody else: every later plan would fail with 403. Add it, and whoever else applies this."
    }
  }
}

resource "aws_s3_bucket_public_access_block" "artifacts" {
  region                  = var.region
  bucket                  = aws_s3_bucket.artifacts.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
  # A bucket that is on its way out stays closed.
  skip_destroy = true
}

resource "aws_s3_bucket_ownership_controls" "artifacts" {
  region = var.region
  bucket = aws_s3_bucket.artifacts.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }

  depends_on = [aws_s3_bucket_public_access_block.artifacts]
}

resource "aws_s3_bucket_server_side_encryption_configuration" "artifacts" {
  region = var.region
  bucket = aws_s3_bucket.artifacts.id
  rule {
    bucket_key_enabled       = true
    blocked_encryption_types = ["SSE-C"]
    apply_server_side_encryption_by_default {
      sse_algorithm = "aws:kms"
      # The ARN: an id or alias would be looked up in the account of whoever writes.
      kms_master_key_id = aws_kms_key.artifacts.arn
    }
  }

  depends_on = [aws_s3_bucket_ownership_controls.artifacts]
}

# Without versioning there is nothing to say, and S3 knows no way back to it.
resource "aws_s3_bucket_versioning" "artifacts" {
  count = var.versioning == "Disabled" ? 0 : 1

  region = var.region
  bucket = aws_s3_bucket.artifacts.id
  versioning_configuration {
    status = var.versioning
  }

  depends_on = [aws_s3_bucket_server_side_encryption_configuration.artifacts]
}

resource "aws_s3_bucket_lifecycle_configuration" "artifacts" {
  region = var.region
  bucket = aws_s3_bucket.artifacts.id

  rule {
    id     = "managedcas-abort-incomplete-uploads"
    status = "Enabled"
    filter {
      prefix = ""
    }
    abort_incomplete_multipart_upload {
      # Longer than any upload lasts: a session ends after an hour.
      days_after_initiation = 7
    }
  }

  # What `managedcasd purge --begin` prints: a bucket has one list of rules, and this is it.
  dynamic "rule" {
    for_each = var.purged_organizations
    content {
      id     = "purge-${rule.value}"
      status = "Enabled"
      filter {
        prefix = "${rule.value}/"
      }
      expiration {
        days = 1
      }
      noncurrent_version_expiration {
        noncurrent_days = 1
      }
      abort_incomplete_multipart_upload {
        days_after_initiation = 1
      }
    }
  }

  depends_on = [
    aws_s3_bucket_server_side_encryption_configuration.artifacts,
    aws_s3_bucket_versioning.artifacts,
  ]
}

resource "aws_s3_bucket_policy" "artifacts" {
  region = var.region
  bucket = aws_s3_bucket.artifacts.id
  policy = module.policies.documents["bucket-policy"]

  depends_on = [aws_s3_bucket_lifecycle_configuration.artifacts]
}
