package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/managedcas/managedcas/internal/iam"
)

// breakTrust makes the mistake that the operator's guide warns of: a base role that
// may be assumed but not tagged. It is undone at the end.
func (d *demo) breakTrust(ctx context.Context) (err error) {
	client, role := d.root().iam(), aws.String(d.dev.ready.Installation.BaseRoleName)
	got, err := client.GetRole(ctx, &awsiam.GetRoleInput{RoleName: role})
	if err != nil {
		return fmt.Errorf("reading the base role: %w", err)
	}
	trust, err := url.QueryUnescape(aws.ToString(got.Role.AssumeRolePolicyDocument))
	if err != nil {
		return fmt.Errorf("reading the base role's trust policy: %w", err)
	}
	broken, err := withoutTagSession(trust)
	if err != nil {
		return err
	}
	update := func(text string) error {
		_, err := client.UpdateAssumeRolePolicy(ctx, &awsiam.UpdateAssumeRolePolicyInput{RoleName: role, PolicyDocument: aws.String(text)})
		if err != nil {
			return fmt.Errorf("changing the base role's trust policy: %w", err)
		}
		return nil
	}
	if err := update(broken); err != nil {
		return err
	}
	err = d.refuse(ctx, []attempt{{
		what: "The trust policy has lost sts:TagSession; the cas workload asks for a session of acme",
		do: func(ctx context.Context) error {
			_, err := d.workload("cas").sts().AssumeRole(ctx, d.assume(d.acme))
			return err
		},
		layer: iam.LayerResource,
	}})
	if err != nil {
		return err
	}
	if err := update(trust); err != nil {
		return err
	}
	if _, err := d.session(ctx, d.acme); err != nil {
		return err
	}
	d.out.gap()
	d.out.ok("with the old trust policy back, acme has sessions again")
	return nil
}

// withoutTagSession removes what allows sts:TagSession from a trust policy.
func withoutTagSession(trust string) (string, error) {
	document, err := iam.Parse(iam.KindTrust, []byte(trust))
	if err != nil {
		return "", fmt.Errorf("reading the base role's trust policy: %w", err)
	}
	before := len(document.Statements)
	document.Statements = slices.DeleteFunc(document.Statements, func(st iam.Statement) bool {
		return slices.Contains(st.Actions, "sts:TagSession")
	})
	if len(document.Statements) == before {
		return "", unexpected("the base role's trust policy", "a statement about sts:TagSession", trust)
	}
	text, err := document.MarshalJSON()
	return string(text), err
}
