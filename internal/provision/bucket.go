package provision

import (
	"context"
	"errors"
	"fmt"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
)

// uploadDays is after how many days the parts of an unfinished upload go: longer than
// any upload lasts, for sessions end after an hour.
const uploadDays = 7

// bucket plans the bucket and its settings. Public access is blocked before anything
// else is said about it.
func (p *Provisioner) bucket(ctx context.Context) ([]Step, error) {
	name := p.in.BucketName
	var plan []Step
	have, err := p.cfg.Buckets.Bucket(ctx, name)
	switch {
	case errors.Is(err, cloud.ErrNotFound):
		plan = append(plan, Step{"create bucket " + name, func(ctx context.Context) error {
			return existsIsFine(p.cfg.Buckets.CreateBucket(ctx, name))
		}})
		have.ACLsOff = true // buckets are made that way
	case err != nil:
		return nil, err
	case have.Region != p.in.Region:
		return nil, fmt.Errorf("bucket %s is in %s, and access points must be where their bucket is; use a bucket in %s or set region to %s",
			name, have.Region, p.in.Region, have.Region)
	}
	if !have.Block.All() {
		plan = append(plan, Step{"block public access to bucket " + name, func(ctx context.Context) error {
			return p.cfg.Settings.BlockBucket(ctx, name)
		}})
	}
	if !have.ACLsOff {
		plan = append(plan, Step{"turn ACLs of bucket " + name + " off", func(ctx context.Context) error {
			return p.cfg.Settings.DisableBucketACLs(ctx, name)
		}})
	}
	if have.Encryption != p.encryption() {
		plan = append(plan, Step{"encrypt bucket " + name + " with the KMS key by default", func(ctx context.Context) error {
			return p.cfg.Settings.EncryptBucket(ctx, name, p.in.KMSKeyARN)
		}})
	}
	if have.UploadDays == 0 {
		plan = append(plan, Step{fmt.Sprintf("remove unfinished uploads to bucket %s after %d days", name, uploadDays), func(ctx context.Context) error {
			return p.cfg.Settings.AbortIncompleteUploads(ctx, name, uploadDays)
		}})
	}
	if differs(iam.KindBucket, have.Policy, p.documents().BucketPolicy()) {
		plan = append(plan, Step{"replace the policy of bucket " + name, func(ctx context.Context) error {
			return p.cfg.Buckets.PutBucketPolicy(ctx, name, p.in.BucketPolicy())
		}})
	}
	return plan, nil
}

// encryption is the bucket's default encryption as it should be.
func (p *Provisioner) encryption() cloud.Encryption {
	return cloud.Encryption{Algorithm: "aws:kms", KeyARN: p.in.KMSKeyARN, BucketKey: true, BlocksSSEC: true}
}
