package story

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/s3control/types"
	"github.com/aws/smithy-go"
	"github.com/rogpeppe/go-internal/testscript"
)

// cmdRemake runs "remake NAME BUCKET [vpc|unblocked]": an operator deletes an access point
// and makes it anew, of this bucket, for a VPC only or without its public access block. A
// backend that repairs every second is faster than two starts of the aws CLI on a busy
// machine, every time.
func cmdRemake(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: remake NAME BUCKET [vpc|unblocked]")
	}
	account := aws.String(of(ts).value("aws.accountId"))
	create := &s3control.CreateAccessPointInput{AccountId: account, Name: &args[0], Bucket: &args[1]}
	switch append(args, "")[2] {
	case "":
	case "vpc":
		create.VpcConfiguration = &types.VpcConfiguration{VpcId: aws.String("vpc-1a2b3c4d")}
	case "unblocked":
		create.PublicAccessBlockConfiguration = &types.PublicAccessBlockConfiguration{
			BlockPublicAcls: aws.Bool(true), IgnorePublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(false), RestrictPublicBuckets: aws.Bool(true),
		}
	default:
		ts.Fatalf("an access point is remade for a vpc, or unblocked, and not %s", args[2])
	}
	client := s3control.NewFromConfig(awsConfig(ts, root(ts)))
	ctx, cancel := context.WithTimeout(context.Background(), awaitTimeout)
	defer cancel()
	for {
		if _, err := client.DeleteAccessPoint(ctx, &s3control.DeleteAccessPointInput{AccountId: account, Name: &args[0]}); code(err) != "NoSuchAccessPoint" {
			ts.Check(err)
		}
		_, err := client.CreateAccessPoint(ctx, create)
		if code(err) != "AccessPointAlreadyOwnedByYou" { // the backend was faster: once more
			ts.Check(err)
			return
		}
	}
}

// code is AWS's for a refusal; empty for what is none.
func code(err error) string {
	refusal, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return ""
	}
	return refusal.ErrorCode()
}
