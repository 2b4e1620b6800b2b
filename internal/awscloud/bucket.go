package awscloud

import (
	"context"

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
	// HeadBucket would need s3:ListBucket, which the bucket policy denies to everybody
	// but the operators that it names; this also works for whoever provisions.
	location, err := c.s3.GetBucketLocation(ctx, &s3.GetBucketLocationInput{
		Bucket: aws.String(name), ExpectedBucketOwner: aws.String(c.accountID),
	})
	if err != nil {
		return cloud.Bucket{}, failed(err, "looking for bucket %s", name)
	}
	b := cloud.Bucket{Name: name, Region: regionOf(location.LocationConstraint)}
	if b.Block, err = c.BucketBlock(ctx, name); err != nil {
		return cloud.Bucket{}, err
	}
	if b.ACLsOff, err = c.bucketWithoutACLs(ctx, name); err != nil {
		return cloud.Bucket{}, err
	}
	if b.Encryption, err = c.bucketEncryption(ctx, name); err != nil {
		return cloud.Bucket{}, err
	}
	if b.UploadDays, err = c.incompleteUploadDays(ctx, name); err != nil {
		return cloud.Bucket{}, err
	}
	if b.Policy, err = c.bucketPolicy(ctx, name); err != nil {
		return cloud.Bucket{}, err
	}
	return b, nil
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
