package decisions_test

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// call is one request.
type call func(ctx context.Context, a *actor) error

// get reads an object; where is a bucket name, access point ARN or alias. What comes
// back must be what was stored there.
func get(where, key string) call {
	return func(ctx context.Context, a *actor) error {
		got, err := a.s3().GetObject(ctx, &s3.GetObjectInput{Bucket: &where, Key: &key})
		if err != nil {
			return err
		}
		defer got.Body.Close()
		content, err := io.ReadAll(got.Body)
		if err == nil && string(content) != key {
			return fmt.Errorf("read %q", content)
		}
		return err
	}
}

func head(where, key string, checksum ...func(*s3.HeadObjectInput)) call {
	return func(ctx context.Context, a *actor) error {
		in := &s3.HeadObjectInput{Bucket: &where, Key: &key}
		for _, f := range checksum {
			f(in)
		}
		_, err := a.s3().HeadObject(ctx, in)
		return err
	}
}

func put(where, key string, more ...func(*s3.PutObjectInput)) call {
	return func(ctx context.Context, a *actor) error {
		in := &s3.PutObjectInput{Bucket: &where, Key: &key, Body: strings.NewReader(key)}
		for _, f := range more {
			f(in)
		}
		_, err := a.s3().PutObject(ctx, in)
		return err
	}
}

func copyFrom(source, where, key string) call {
	return func(ctx context.Context, a *actor) error {
		_, err := a.s3().CopyObject(ctx, &s3.CopyObjectInput{Bucket: &where, Key: &key, CopySource: &source})
		return err
	}
}

func putBucketPolicy(document string) call {
	return func(ctx context.Context, a *actor) error {
		_, err := a.s3().PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: aws.String(bucket), Policy: &document})
		return err
	}
}

func getBucketPolicy(ctx context.Context, a *actor) error {
	_, err := a.s3().GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: aws.String(bucket)})
	return err
}

func deleteBucketPolicy(ctx context.Context, a *actor) error {
	_, err := a.s3().DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: aws.String(bucket)})
	return err
}

func identify(ctx context.Context, a *actor) error {
	_, err := a.sts().GetCallerIdentity(ctx, nil)
	return err
}
