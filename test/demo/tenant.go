package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3control"

	"github.com/managedcas/managedcas/internal/iam"
)

// showTenant reads acme's access point and both policies from AWS, as an operator
// would see them.
func (d *demo) showTenant(ctx context.Context) error {
	d.out.line("{acme} and {globex} stand for the ids above, {key} for the key.")
	d.out.gap()
	control, account := d.root().s3control(), aws.String(d.dev.ready.AWS.AccountID)
	ap, err := control.GetAccessPoint(ctx, &s3control.GetAccessPointInput{AccountId: account, Name: aws.String(d.acme.apName)})
	if err != nil {
		return fmt.Errorf("reading acme's access point: %w", err)
	}
	if got := aws.ToString(ap.AccessPointArn); got != d.acme.apARN {
		return unexpected("acme's access point", d.acme.apARN, got)
	}
	d.out.field("access point", d.acme.apARN)
	d.out.field("", "on bucket "+aws.ToString(ap.Bucket)+", "+public(ap))

	attached, err := control.GetAccessPointPolicy(ctx, &s3control.GetAccessPointPolicyInput{AccountId: account, Name: aws.String(d.acme.apName)})
	if err != nil {
		return fmt.Errorf("reading acme's access point policy: %w", err)
	}
	d.out.gap()
	d.out.line("Its policy: who may come through this access point")
	if err := d.showPolicy(iam.KindAP, aws.ToString(attached.Policy), "EverybodyElseOut"); err != nil {
		return err
	}
	session, err := d.policyText(ctx, d.acme.sessionPolicy)
	if err != nil {
		return err
	}
	d.out.gap()
	d.out.line(d.out.names.Replace("The session policy " + d.acme.sessionPolicy + ": the most that acme's sessions can do"))
	return d.showPolicy(iam.KindSession, session, "OwnArtifacts")
}

func public(ap *s3control.GetAccessPointOutput) string {
	c := ap.PublicAccessBlockConfiguration
	if c != nil && aws.ToBool(c.BlockPublicAcls) && aws.ToBool(c.IgnorePublicAcls) && aws.ToBool(c.BlockPublicPolicy) && aws.ToBool(c.RestrictPublicBuckets) {
		return "all public access blocked"
	}
	return "NOT all public access blocked"
}

// policyText returns the default version of a managed policy.
func (d *demo) policyText(ctx context.Context, arn string) (string, error) {
	client := d.root().iam()
	policy, err := client.GetPolicy(ctx, &awsiam.GetPolicyInput{PolicyArn: aws.String(arn)})
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", arn, err)
	}
	version, err := client.GetPolicyVersion(ctx, &awsiam.GetPolicyVersionInput{PolicyArn: aws.String(arn), VersionId: policy.Policy.DefaultVersionId})
	if err != nil {
		return "", fmt.Errorf("reading the default version of %s: %w", arn, err)
	}
	return url.QueryUnescape(aws.ToString(version.PolicyVersion.Document))
}

// showPolicy prints a policy statement by statement. It must have the statement.
func (d *demo) showPolicy(kind iam.Kind, text, sid string) error {
	document, err := iam.Parse(kind, []byte(text))
	if err != nil {
		return fmt.Errorf("reading a policy: %w", err)
	}
	var sids []string
	for _, st := range document.Statements {
		sids = append(sids, st.Sid)
		effect := d.out.colour(green, "Allow")
		if st.Effect == iam.Deny {
			effect = d.out.colour(red, "Deny ")
		}
		d.out.line("  " + effect + "  " + st.Sid)
		d.out.field("  do", list(st.Actions))
		d.out.field("  on", on(st))
		for _, c := range st.Conditions {
			d.out.field("  if", c.Key+" "+c.Operator+" "+list(c.Values))
		}
	}
	for _, s := range sids {
		if s == sid {
			return nil
		}
	}
	return unexpected("the policy", "a statement "+sid, strings.Join(sids, ", "))
}

func on(st iam.Statement) string {
	if len(st.NotResources) > 0 {
		return "everything but " + list(st.NotResources)
	}
	return list(st.Resources)
}

func list(values []string) string { return strings.Join(values, ", ") }
