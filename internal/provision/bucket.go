package provision

import (
	"context"
	"errors"
	"fmt"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// uploadDays is after how many days the parts of an unfinished upload go: longer than
// any upload lasts, for sessions end after an hour.
const uploadDays = 7

// bucket plans the bucket and its settings. Public access is blocked before anything
// else is said about it.
func (p *Provisioner) bucket(ctx context.Context, plan *Plan) error {
	name := p.in.BucketName
	have, err := p.cfg.Buckets.Bucket(ctx, name)
	switch {
	case errors.Is(err, cloud.ErrNotFound):
		plan.add("create bucket "+name, func(ctx context.Context) error {
			return existsIsFine(p.cfg.Buckets.CreateBucket(ctx, name))
		})
		have.ACLsOff = true // buckets are made that way
	case err != nil:
		return err
	case have.Region != p.in.Region:
		return fmt.Errorf("bucket %s is in %s, and access points must be where their bucket is; use a bucket in %s or set region to %s",
			name, have.Region, p.in.Region, have.Region)
	default:
		plan.adopt("bucket " + name)
		if !mentions(iam.KindBucket, have.Policy, p.in.APARNPattern()) {
			plan.Notes = append(plan.Notes, "the policy of bucket "+name+" does not name this installation: with ours, nobody reaches an object in it but through the installation's access points. Be sure that nobody else uses it")
		}
	}
	if !have.Block.All() {
		plan.add("block public access to bucket "+name, func(ctx context.Context) error {
			return p.cfg.Settings.BlockBucket(ctx, name)
		})
	}
	if !have.ACLsOff {
		plan.add("turn ACLs of bucket "+name+" off", func(ctx context.Context) error {
			return p.cfg.Settings.DisableBucketACLs(ctx, name)
		})
	}
	if err := p.bucketEncryption(plan, have); err != nil {
		return err
	}
	if have.UploadDays == 0 {
		plan.add(fmt.Sprintf("remove unfinished uploads to bucket %s after %d days", name, uploadDays), func(ctx context.Context) error {
			return p.cfg.Settings.AbortIncompleteUploads(ctx, name, uploadDays)
		})
	}
	return p.replace(plan, "replace the policy of bucket "+name, policy{
		name: "bucket-policy", kind: iam.KindBucket, where: "the policy of bucket " + name, want: tenancy.Installation.BucketPolicy,
		put: func(ctx context.Context, d *iam.Document) error { return p.cfg.Buckets.PutBucketPolicy(ctx, name, d) },
	}, have.Policy)
}

// bucketEncryption plans the default encryption. Two layers are more than one, so they are
// not taken away.
func (p *Provisioner) bucketEncryption(plan *Plan, have cloud.Bucket) error {
	does := "encrypt bucket " + p.in.BucketName + " with the KMS key by default"
	switch {
	case have.Encryption == p.encryption():
		return nil
	case have.Encryption.Algorithm == "aws:kms:dsse":
		return fmt.Errorf("bucket %s encrypts in two layers by default (aws:kms:dsse), and the installation in one: provision does not weaken it; use another bucket, or set its default encryption to aws:kms yourself", have.Name)
	case have.Encryption.KeyARN != "" && have.Encryption.KeyARN != p.in.KMSKeyARN:
		does += ", in place of " + have.Encryption.KeyARN
	}
	plan.add(does, func(ctx context.Context) error {
		return p.cfg.Settings.EncryptBucket(ctx, p.in.BucketName, p.in.KMSKeyARN)
	})
	return nil
}

// encryption is the bucket's default encryption as it should be.
func (p *Provisioner) encryption() cloud.Encryption {
	return cloud.Encryption{Algorithm: "aws:kms", KeyARN: p.in.KMSKeyARN, BucketKey: true, BlocksSSEC: true}
}
