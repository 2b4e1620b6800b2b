package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
)

// principal is somebody who calls AWS: AWS's own SDK with their credentials.
type principal struct {
	who    string // for people
	config aws.Config
}

func (p principal) s3() *s3.Client               { return s3.NewFromConfig(p.config) }
func (p principal) s3control() *s3control.Client { return s3control.NewFromConfig(p.config) }
func (p principal) iam() *iam.Client             { return iam.NewFromConfig(p.config) }
func (p principal) sts() *sts.Client             { return sts.NewFromConfig(p.config) }

// as returns a principal of the embedded account. SDKs put names of buckets and
// access points into the host name; whatever the name, the connection goes to the one
// port that is the embedded AWS.
func (d *demo) as(who string, provider aws.CredentialsProvider) principal {
	address := strings.TrimPrefix(d.dev.ready.AWS.Endpoint, "http://")
	return principal{who, aws.Config{
		Region:       d.dev.ready.AWS.Region,
		BaseEndpoint: aws.String(d.dev.ready.AWS.Endpoint),
		HTTPClient: &http.Client{Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, address)
			},
		}},
		Credentials:      aws.NewCredentialsCache(provider),
		RetryMaxAttempts: 1, // a denial is an answer
	}}
}

// root is the account's root user, whom nothing but an explicit denial stops.
func (d *demo) root() principal {
	r := d.dev.ready.AWS
	return d.as("the account's root user", credentials.NewStaticCredentialsProvider(r.AccessKeyID, r.SecretAccessKey, ""))
}

// workload is one of the three server roles, by the identity that its pod has.
func (d *demo) workload(name string) principal {
	w := d.dev.ready.Workloads[name]
	return d.as("the "+name+" workload", endpointcreds.New(w.CredentialsURL, func(o *endpointcreds.Options) {
		o.AuthorizationToken = w.AuthorizationToken
	}))
}

// assume is what the cas workload asks STS for when it acts for o.
func (d *demo) assume(o organization) *sts.AssumeRoleInput {
	return &sts.AssumeRoleInput{
		RoleArn:         aws.String(d.dev.ready.Installation.BaseRoleARN),
		RoleSessionName: aws.String("cas-" + o.ID),
		Tags:            []types.Tag{{Key: aws.String("org"), Value: aws.String(o.ID)}},
		PolicyArns:      []types.PolicyDescriptorType{{Arn: aws.String(o.sessionPolicy)}},
	}
}

// session is a session of o: what a thief of its credentials could use.
func (d *demo) session(ctx context.Context, o organization) (principal, error) {
	out, err := d.workload("cas").sts().AssumeRole(ctx, d.assume(o))
	if err != nil {
		return principal{}, fmt.Errorf("assuming the base role for %s: %w", o.Name, err)
	}
	c := out.Credentials
	return d.as(o.Name+"'s session", credentials.NewStaticCredentialsProvider(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)), nil
}

// administrator makes an IAM user who may do everything that IAM can give.
func (d *demo) administrator(ctx context.Context) (principal, error) {
	const name, everything = "admin", "arn:aws:iam::aws:policy/AdministratorAccess"
	root := d.root().iam()
	if _, err := root.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String(name)}); err != nil {
		return principal{}, fmt.Errorf("creating an administrator: %w", err)
	}
	if _, err := root.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: aws.String(name), PolicyArn: aws.String(everything)}); err != nil {
		return principal{}, fmt.Errorf("making %s an administrator: %w", name, err)
	}
	out, err := root.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String(name)})
	if err != nil {
		return principal{}, fmt.Errorf("giving %s an access key: %w", name, err)
	}
	return d.as("the account's administrator", credentials.NewStaticCredentialsProvider(*out.AccessKey.AccessKeyId, *out.AccessKey.SecretAccessKey, "")), nil
}
