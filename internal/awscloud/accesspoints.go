package awscloud

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/s3control/types"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
)

// CreateAccessPoint creates an access point of bucket that blocks all public access,
// with network origin Internet. An existing one is cloud.ErrExists, even with the
// same parameters (facts AWS §1.3): look at what it is. A new one is what was asked for.
func (c *Cloud) CreateAccessPoint(ctx context.Context, name, bucket string) (cloud.AccessPoint, error) {
	out, err := c.control.CreateAccessPoint(ctx, &s3control.CreateAccessPointInput{
		AccountId:       aws.String(c.accountID),
		Name:            aws.String(name),
		Bucket:          aws.String(bucket),
		BucketAccountId: aws.String(c.accountID),
		// Sent although it is the default: it can never be changed later.
		PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
			BlockPublicAcls:       aws.Bool(true),
			IgnorePublicAcls:      aws.Bool(true),
			BlockPublicPolicy:     aws.Bool(true),
			RestrictPublicBuckets: aws.Bool(true),
		},
	})
	if err != nil {
		return cloud.AccessPoint{}, failed(err, "creating access point %s", name)
	}
	return cloud.AccessPoint{
		Name: name, ARN: aws.ToString(out.AccessPointArn), Alias: aws.ToString(out.Alias), Bucket: bucket,
		NetworkOrigin: string(types.NetworkOriginInternet),
		Block:         cloud.PublicAccessBlock{BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true},
	}, nil
}

// AccessPoint reads an access point.
func (c *Cloud) AccessPoint(ctx context.Context, name string) (cloud.AccessPoint, error) {
	out, err := c.control.GetAccessPoint(ctx, &s3control.GetAccessPointInput{
		AccountId: aws.String(c.accountID), Name: aws.String(name),
	})
	if err != nil {
		return cloud.AccessPoint{}, failed(err, "reading access point %s", name)
	}
	ap := cloud.AccessPoint{
		Name:          aws.ToString(out.Name),
		ARN:           aws.ToString(out.AccessPointArn),
		Alias:         aws.ToString(out.Alias),
		Bucket:        aws.ToString(out.Bucket),
		NetworkOrigin: string(out.NetworkOrigin),
	}
	if block := out.PublicAccessBlockConfiguration; block != nil {
		ap.Block = cloud.PublicAccessBlock{
			BlockPublicAcls:       aws.ToBool(block.BlockPublicAcls),
			IgnorePublicAcls:      aws.ToBool(block.IgnorePublicAcls),
			BlockPublicPolicy:     aws.ToBool(block.BlockPublicPolicy),
			RestrictPublicBuckets: aws.ToBool(block.RestrictPublicBuckets),
		}
	}
	return ap, nil
}

// DeleteAccessPoint deletes an access point; objects stay in the bucket. One that is
// gone already is no error.
func (c *Cloud) DeleteAccessPoint(ctx context.Context, name string) error {
	_, err := c.control.DeleteAccessPoint(ctx, &s3control.DeleteAccessPointInput{
		AccountId: aws.String(c.accountID), Name: aws.String(name),
	})
	return absentIsFine(failed(err, "deleting access point %s", name))
}

// PutAccessPointPolicy replaces the policy of an access point.
func (c *Cloud) PutAccessPointPolicy(ctx context.Context, name string, policy *iam.Document) error {
	text, err := json.Marshal(policy)
	if err != nil {
		return failed(err, "writing the policy of access point %s", name)
	}
	_, err = c.control.PutAccessPointPolicy(ctx, &s3control.PutAccessPointPolicyInput{
		AccountId: aws.String(c.accountID), Name: aws.String(name), Policy: aws.String(string(text)),
	})
	return failed(err, "replacing the policy of access point %s", name)
}

// AccessPointPolicy reads the policy of an access point as JSON. Without one, or
// without the access point, it is cloud.ErrNotFound.
func (c *Cloud) AccessPointPolicy(ctx context.Context, name string) ([]byte, error) {
	out, err := c.control.GetAccessPointPolicy(ctx, &s3control.GetAccessPointPolicyInput{
		AccountId: aws.String(c.accountID), Name: aws.String(name),
	})
	if err != nil {
		return nil, failed(err, "reading the policy of access point %s", name)
	}
	return []byte(aws.ToString(out.Policy)), nil
}

// AccessPoints lists the access points of bucket whose names begin with prefix. S3
// has no such filter, so all access points of the bucket are read, 1,000 a page. A
// listing does not tell the public access block, nor anything of the policy.
func (c *Cloud) AccessPoints(ctx context.Context, bucket, prefix string) iter.Seq2[cloud.AccessPoint, error] {
	return c.accessPoints(ctx, aws.String(bucket), prefix)
}

// AccountAccessPoints lists the access points of the account in this Region, of all
// buckets, whose names begin with prefix.
func (c *Cloud) AccountAccessPoints(ctx context.Context, prefix string) iter.Seq2[cloud.AccessPoint, error] {
	return c.accessPoints(ctx, nil, prefix)
}

// AccessPointsInUse counts the access points of the account in this Region, of all
// buckets: they share the quota.
func (c *Cloud) AccessPointsInUse(ctx context.Context) (int, error) {
	n := 0
	for _, err := range c.accessPoints(ctx, nil, "") {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

func (c *Cloud) accessPoints(ctx context.Context, bucket *string, prefix string) iter.Seq2[cloud.AccessPoint, error] {
	list := s3control.NewListAccessPointsPaginator(c.control, &s3control.ListAccessPointsInput{
		AccountId: aws.String(c.accountID), Bucket: bucket, MaxResults: 1000,
	})
	return func(yield func(cloud.AccessPoint, error) bool) {
		for followed := (pages{}); list.HasMorePages(); {
			page, err := list.NextPage(ctx)
			if err == nil {
				err = followed.follow(page.NextToken)
			}
			if err != nil {
				yield(cloud.AccessPoint{}, failed(err, "listing the access points of %s", cmp.Or(aws.ToString(bucket), "the account")))
				return
			}
			for _, ap := range page.AccessPointList {
				if !strings.HasPrefix(aws.ToString(ap.Name), prefix) {
					continue
				}
				if !yield(cloud.AccessPoint{
					Name:          aws.ToString(ap.Name),
					ARN:           aws.ToString(ap.AccessPointArn),
					Alias:         aws.ToString(ap.Alias),
					Bucket:        aws.ToString(ap.Bucket),
					NetworkOrigin: string(ap.NetworkOrigin),
				}, nil) {
					return
				}
			}
		}
	}
}
