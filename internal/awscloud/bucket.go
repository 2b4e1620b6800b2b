package awscloud

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/managedcas/managedcas/internal/cloud"
)

// CreateBucket creates a bucket without ACLs in this Cloud's Region. One that this
// account owns already is cloud.ErrExists, one of another account cloud.ErrInvalid.
func (c *Cloud) CreateBucket(ctx context.Context, name string) error {
	in := &s3.CreateBucketInput{Bucket: aws.String(name), ObjectOwnership: types.ObjectOwnershipBucketOwnerEnforced}
	// The oldest Region is the default, and must not be named.
	if c.region != "us-east-1" {
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{
			LocationConstraint: types.BucketLocationConstraint(c.region),
		}
	}
	_, err := c.s3.CreateBucket(ctx, in)
	return failed(err, "creating bucket %s", name)
}

// Bucket reads a bucket of this account with its settings. A bucket of somebody else
// is cloud.ErrDenied.
func (c *Cloud) Bucket(ctx context.Context, name string) (cloud.Bucket, error) {
	b := cloud.Bucket{Name: name}
	var err error
	if b.Region, err = c.BucketRegion(ctx, name); err != nil {
		return cloud.Bucket{}, err
	}
	if b.Block, err = c.BucketBlock(ctx, name); err != nil {
		return cloud.Bucket{}, err
	}
	ownership, err := c.BucketOwnership(ctx, name)
	if err != nil {
		return cloud.Bucket{}, err
	}
	b.ACLsOff = ownership == cloud.BucketOwnerEnforced
	if b.Encryption, err = c.BucketEncryption(ctx, name); err != nil {
		return cloud.Bucket{}, err
	}
	rules, err := c.BucketLifecycle(ctx, name)
	if err != nil {
		return cloud.Bucket{}, err
	}
	b.UploadDays = cloud.UploadDays(rules)
	if b.Policy, err = c.BucketPolicy(ctx, name); err != nil {
		return cloud.Bucket{}, err
	}
	return b, nil
}

// BucketRegion reads where a bucket of this account is. A bucket of somebody else is
// cloud.ErrDenied.
func (c *Cloud) BucketRegion(ctx context.Context, name string) (string, error) {
	// HeadBucket would need s3:ListBucket, which the bucket policy denies to everybody
	// but the operators that it names; this also works for whoever provisions.
	location, err := c.s3.GetBucketLocation(ctx, &s3.GetBucketLocationInput{
		Bucket: aws.String(name), ExpectedBucketOwner: aws.String(c.accountID),
	})
	if err != nil {
		return "", failed(err, "looking for bucket %s", name)
	}
	return regionOf(location.LocationConstraint), nil
}

// OwnsBucket reports whether the bucket is among those of this account, which is told to
// whoever may list them. It tells a bucket of somebody else from one that may not be read.
func (c *Cloud) OwnsBucket(ctx context.Context, name string) (bool, error) {
	// One page is enough: it has up to 10,000, and few have the whole name as prefix.
	out, err := c.s3.ListBuckets(ctx, &s3.ListBucketsInput{Prefix: aws.String(name)})
	if err != nil {
		return false, failed(err, "looking for bucket %s among those of the account", name)
	}
	return slices.ContainsFunc(out.Buckets, func(b types.Bucket) bool { return aws.ToString(b.Name) == name }), nil
}

// regionOf translates the two location constraints that are older than Region names.
func regionOf(location types.BucketLocationConstraint) string {
	switch location {
	case "":
		return "us-east-1"
	case types.BucketLocationConstraintEu:
		return "eu-west-1"
	}
	return string(location)
}

// BucketBlock reads which public access a bucket blocks; a bucket that was never told blocks none.
func (c *Cloud) BucketBlock(ctx context.Context, name string) (cloud.PublicAccessBlock, error) {
	out, err := c.s3.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: aws.String(name)})
	if err != nil {
		return cloud.PublicAccessBlock{}, unsetIsFine(failed(err, "reading the public access block of bucket %s", name))
	}
	block := out.PublicAccessBlockConfiguration
	if block == nil {
		return cloud.PublicAccessBlock{}, nil
	}
	return cloud.PublicAccessBlock{
		BlockPublicAcls:       aws.ToBool(block.BlockPublicAcls),
		IgnorePublicAcls:      aws.ToBool(block.IgnorePublicAcls),
		BlockPublicPolicy:     aws.ToBool(block.BlockPublicPolicy),
		RestrictPublicBuckets: aws.ToBool(block.RestrictPublicBuckets),
	}, nil
}

// BlockBucket blocks all public access to a bucket.
func (c *Cloud) BlockBucket(ctx context.Context, name string) error {
	_, err := c.s3.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{
		Bucket: aws.String(name),
		PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
			BlockPublicAcls:       aws.Bool(true),
			IgnorePublicAcls:      aws.Bool(true),
			BlockPublicPolicy:     aws.Bool(true),
			RestrictPublicBuckets: aws.Bool(true),
		},
	})
	return failed(err, "blocking public access to bucket %s", name)
}
