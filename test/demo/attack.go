package main

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/managedcas/managedcas/internal/iam"
)

// attack tries every way to acme's artifacts that is not acme's own, with real
// sessions and AWS's own SDK. That the same calls work for acme itself was seen when
// the objects were shown.
func (d *demo) attack(ctx context.Context) error {
	acme, err := d.session(ctx, d.acme)
	if err != nil {
		return err
	}
	globex, err := d.session(ctx, d.globex)
	if err != nil {
		return err
	}
	admin, err := d.administrator(ctx)
	if err != nil {
		return err
	}
	cas, bucket := d.workload("cas"), d.dev.ready.Installation.BucketName
	ofAcme, ofGlobex := d.acme.key(d.artifacts[0]), d.globex.key(d.artifacts[0])

	return d.refuse(ctx, []attempt{
		{
			what: "globex's session reads acme's artifact through acme's access point",
			do:   get(globex, d.acme.apARN, ofAcme),
			sid:  "EverybodyElseOut",
		},
		{
			what: "globex's session lists what acme has",
			do:   look(globex, d.acme.apARN, d.acme.ID+"/"),
			sid:  "EverybodyElseOut",
		},
		{
			what: "A stolen session of acme writes through globex's access point",
			do:   put(acme, d.globex.apARN, d.globex.ID+"/poison"),
			sid:  "EverybodyElseOut",
		},
		{
			what: "A stolen session of acme reads globex's prefix through acme's own access point",
			do:   get(acme, d.acme.apARN, ofGlobex),
			sid:  "NothingOutsideOwnPrefix",
		},
		{
			what: "A stolen session of acme goes around the access point, to its own artifact",
			do:   get(acme, bucket, ofAcme),
			sid:  "DenyObjectsOutsideAccessPoints",
		},
		{
			what: "The cas workload uses its own identity, not a session",
			do:   get(cas, d.acme.apARN, ofAcme),
			sid:  "EverybodyElseOut",
		},
		{
			what: "The cas workload asks for a session with acme's name and globex's tag",
			do: func(ctx context.Context) error {
				wrong := d.assume(d.acme)
				wrong.Tags[0].Value = aws.String(d.globex.ID)
				_, err := cas.sts().AssumeRole(ctx, wrong)
				return err
			},
			layer: iam.LayerResource,
		},
		{
			what: "The account's own administrator reads acme's artifact from the bucket",
			do:   get(admin, bucket, ofAcme),
			sid:  "DenyObjectsOutsideAccessPoints",
		},
		{
			what: "The account's own administrator reads it through acme's access point",
			do:   get(admin, d.acme.apARN, ofAcme),
			sid:  "EverybodyElseOut",
		},
	})
}

func get(by principal, bucket, key string) func(context.Context) error {
	return func(ctx context.Context) error {
		out, err := by.s3().GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
		if err == nil {
			_ = out.Body.Close()
		}
		return err
	}
}

func look(by principal, bucket, prefix string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := by.s3().ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: aws.String(prefix)})
		return err
	}
}

// put writes as the CAS does, so that nothing but who it is stands in its way.
func put(by principal, bucket, key string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := by.s3().PutObject(ctx, &s3.PutObjectInput{
			Bucket: aws.String(bucket), Key: aws.String(key), IfNoneMatch: aws.String("*"), Body: strings.NewReader("poison"),
		})
		return err
	}
}
