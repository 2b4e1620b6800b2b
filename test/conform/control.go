package conform

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/s3control/types"
)

// manageAccessPoints: names, errors, and what cannot be changed later
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-restrictions-limitations.html,
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_CreateAccessPoint.html;
// facts AWS §1.1–1.3).
func manageAccessPoints(t *testing.T, target Target) {
	client := s3control.NewFromConfig(target.Config)
	bucket, other := newBucket(t, target), newBucket(t, target)
	arn := newAccessPoint(t, target, bucket)
	name := *nameOf(arn)
	if want := "arn:aws:s3:" + target.Config.Region + ":" + target.AccountID + ":accesspoint/" + name; arn != want {
		t.Errorf("ARN %s, want %s", arn, want)
	}
	got := must(client.GetAccessPoint(t.Context(), &s3control.GetAccessPointInput{AccountId: &target.AccountID, Name: &name}))(t)
	block := types.PublicAccessBlockConfiguration{
		BlockPublicAcls: aws.Bool(true), IgnorePublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(true), RestrictPublicBuckets: aws.Bool(true),
	}
	switch b := got.PublicAccessBlockConfiguration; {
	case aws.ToString(got.Bucket) != bucket, got.NetworkOrigin != types.NetworkOriginInternet, aws.ToString(got.AccessPointArn) != arn:
		t.Errorf("GetAccessPoint says %+v", got)
	case b == nil || !aws.ToBool(b.BlockPublicAcls) || !aws.ToBool(b.IgnorePublicAcls) || !aws.ToBool(b.BlockPublicPolicy) || !aws.ToBool(b.RestrictPublicBuckets):
		t.Errorf("public access is not blocked when nothing is said: %+v", b)
	}
	alias := aws.ToString(got.Alias)
	if !strings.HasSuffix(alias, "-s3alias") || len(alias) > 63 {
		t.Errorf("alias %q", alias)
	}

	create := func(name, bucket string) func() error {
		return func() error {
			return failure(client.CreateAccessPoint(t.Context(), &s3control.CreateAccessPointInput{
				AccountId: &target.AccountID, Name: &name, Bucket: &bucket, PublicAccessBlockConfiguration: &block,
			}))
		}
	}
	target.refused(t, "the same again", 409, "AccessPointAlreadyOwnedByYou", create(name, bucket))
	target.refused(t, "another bucket for it", 409, "AccessPointAlreadyOwnedByYou", create(name, other))
	target.refused(t, "a bucket that is not there", 400, "InvalidRequest", create(target.name("ap"), target.name("none")))
	for _, bad := range []string{"ab", strings.Repeat("a", 51), "Capital", "under_score"} {
		target.refused(t, "the name "+bad, 400, "InvalidURI", create(bad, bucket))
	}
	for _, bad := range []string{"-begins", "ends-", "an-s3alias"} {
		target.refused(t, "the name "+bad, 400, "InvalidRequest", create(bad, bucket))
	}
	target.refused(t, "no such access point", 404, "NoSuchAccessPoint", func() error {
		return failure(client.GetAccessPoint(t.Context(), &s3control.GetAccessPointInput{AccountId: &target.AccountID, Name: aws.String(name + "-x")}))
	})
	target.refused(t, "no such access point to delete", 404, "NoSuchAccessPoint", func() error {
		return failure(client.DeleteAccessPoint(t.Context(), &s3control.DeleteAccessPointInput{AccountId: &target.AccountID, Name: aws.String(name + "-x")}))
	})
	target.refused(t, "no policy yet", 404, "NoSuchAccessPointPolicy", func() error {
		return failure(client.GetAccessPointPolicy(t.Context(), &s3control.GetAccessPointPolicyInput{AccountId: &target.AccountID, Name: &name}))
	})
	target.refused(t, "deleting a bucket that has one", 400, "BucketHasAccessPointsAttached", func() error {
		return failure(s3.NewFromConfig(target.Config).DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &bucket}))
	})
}

// accessPointPolicies: what a policy must be to be taken (facts AWS §1.3, §2.5;
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html).
func accessPointPolicies(t *testing.T, target Target) {
	client := s3control.NewFromConfig(target.Config)
	arn := newAccessPoint(t, target, newBucket(t, target))
	r := newRole(t, target, allow("*", "s3:GetObject"))
	objects := allow(arn+"/object/*", "s3:GetObject")
	put := func(text *string) func() error {
		return func() error {
			return failure(client.PutAccessPointPolicy(t.Context(), &s3control.PutAccessPointPolicyInput{AccountId: &target.AccountID, Name: nameOf(arn), Policy: text}))
		}
	}
	target.allowed(t, "to a role", put(document(t, objects.to(r.arn))))
	target.allowed(t, "to one session, by user id", put(document(t, objects.to("*").when("StringEquals", "aws:userid", r.id+":org"))))
	target.refused(t, "to everybody", 403, "AccessDenied", put(document(t, objects.to("*"))))
	target.refused(t, "to all sessions, by user id", 403, "AccessDenied", put(document(t, objects.to("*").when("StringLike", "aws:userid", r.id+":*"))))
	target.refused(t, "not JSON", 400, "MalformedPolicy", put(aws.String("{")))
	target.refused(t, "without a principal", 400, "MalformedPolicy", put(document(t, objects)))
	target.refused(t, "to a role that is not there", 400, "MalformedPolicy", put(document(t, objects.to(r.arn+"-none"))))
	target.refused(t, "on the bucket", 400, "MalformedPolicy", put(document(t, allow("arn:aws:s3:::bucket/*", "s3:GetObject").to(r.arn))))

	status := must(client.GetAccessPointPolicyStatus(t.Context(), &s3control.GetAccessPointPolicyStatusInput{AccountId: &target.AccountID, Name: nameOf(arn)}))(t)
	if status.PolicyStatus.IsPublic {
		t.Error("the policy is called public")
	}
	must(client.DeleteAccessPointPolicy(t.Context(), &s3control.DeleteAccessPointPolicyInput{AccountId: &target.AccountID, Name: nameOf(arn)}))(t)
	target.refused(t, "no policy any more", 404, "NoSuchAccessPointPolicy", func() error {
		return failure(client.GetAccessPointPolicy(t.Context(), &s3control.GetAccessPointPolicyInput{AccountId: &target.AccountID, Name: nameOf(arn)}))
	})
}

// pagesOfAccessPoints: MaxResults and NextToken, which is absent on the last page
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_ListAccessPoints.html).
func pagesOfAccessPoints(t *testing.T, target Target) {
	client := s3control.NewFromConfig(target.Config)
	bucket, empty := newBucket(t, target), newBucket(t, target)
	var want []string
	for range 3 {
		want = append(want, newAccessPoint(t, target, bucket))
	}
	slices.Sort(want)
	list := func(ctx context.Context, bucket string) (got []string, pages int, err error) {
		in := &s3control.ListAccessPointsInput{AccountId: &target.AccountID, Bucket: &bucket, MaxResults: 2}
		for {
			out, err := client.ListAccessPoints(ctx, in)
			if err != nil {
				return nil, 0, err
			}
			pages++
			for _, ap := range out.AccessPointList {
				got = append(got, aws.ToString(ap.AccessPointArn))
			}
			if out.NextToken == nil {
				slices.Sort(got)
				return got, pages, nil
			}
			in.NextToken = out.NextToken
		}
	}
	target.allowed(t, "all pages", func() error {
		got, pages, err := list(t.Context(), bucket)
		if err == nil && (!slices.Equal(got, want) || pages < 2) {
			err = unexpectedList{got, want}
		}
		return err
	})
	if got, _, err := list(t.Context(), empty); err != nil || got != nil {
		t.Errorf("of another bucket: %v, %v", got, err)
	}
	target.refused(t, "a token that was never given", 400, "InvalidRequest", func() error {
		return failure(client.ListAccessPoints(t.Context(), &s3control.ListAccessPointsInput{AccountId: &target.AccountID, NextToken: aws.String("%")}))
	})
}
