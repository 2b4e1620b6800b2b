package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/client"
	"github.com/managedcas/managedcas/internal/problem"
)

// oneBackend takes the name of a storage backend.
func oneBackend(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return problem.New(problem.Invalid, "exactly one name of a storage backend is needed", "for example: "+cmd.CommandPath()+" our-bucket")
	}
	return nil
}

func (a *app) printBackend(b client.Backend) error {
	return a.print(b, backendHeader, [][]string{backendRow(b)})
}

const createHelp = `Keep the organization's artifacts in an S3 bucket of its own account. First make the
bucket, and a role that lets the installation into it:

  managedcas --org acme cas-backend external-id --bucket acme-artifacts

prints the external id of the organization and the two policies to copy. The trust policy
has this form; the external id is made by the installation and is no choice of yours:

  {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "sts:AssumeRole",
     "Principal": {"AWS": ["…"]},
     "Condition": {"StringEquals": {"sts:ExternalId": "…"}}},
    {"Effect": "Allow", "Action": "sts:TagSession", "Principal": {"AWS": ["…"]}}]}

The bucket is used before it is accepted: an object is written, read, listed and deleted.
It must belong to the account of the role. Access keys are not accepted.`

func backendCreate(a *app) *cobra.Command {
	var b client.NewBackend
	cmd := &cobra.Command{
		Use:     "create NAME --bucket BUCKET --region REGION --role-arn ARN",
		Short:   "Keep artifacts in a bucket of your own",
		Long:    createHelp,
		Example: `  managedcas --org acme cas-backend create ours --bucket acme-artifacts --region eu-west-1 --role-arn arn:aws:iam::111122223333:role/managedcas/artifacts --default`,
		Args:    oneBackend,
		RunE: func(cmd *cobra.Command, args []string) error {
			b.Name = args[0]
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error {
				created, err := c.CreateBackend(ctx, b)
				if err != nil {
					return err
				}
				return a.printBackend(created)
			})
		},
	}
	cmd.Flags().StringVar(&b.Bucket, "bucket", "", "name of the bucket (required)")
	cmd.Flags().StringVar(&b.Role.Region, "region", "", "Region of the bucket (required)")
	cmd.Flags().StringVar(&b.Role.ARN, "role-arn", "", "role that the installation assumes (required)")
	cmd.Flags().StringVar(&b.Description, "description", "", "what people are told about it")
	cmd.Flags().BoolVar(&b.Default, "default", false, "store artifacts there from now on")
	cmd.Flags().BoolVar(&b.Fallback, "fallback", false, "make it the default when the default is deleted or not valid")
	cmd.Flags().Int64Var(&b.MaxBytes, "max-bytes", 0, "largest artifact, in bytes; default: the installation's")
	return cmd
}

func backendUpdate(a *app) *cobra.Command {
	var given client.NewBackend
	cmd := &cobra.Command{
		Use:   "update NAME",
		Short: "Change a storage backend; make it the default",
		Long: `Change what is given, and leave the rest. A default that is made none leaves its place to
the fallback, or else to the managed backend, of which nothing can be changed but that it is
the default. A new role or Region is tried first, as by create; give both.`,
		Example: `  managedcas --org acme cas-backend update ours --default
  managedcas --org acme cas-backend update chainloop-cloud-storage --default`,
		Args: oneBackend,
		RunE: func(cmd *cobra.Command, args []string) error {
			var change client.BackendChange
			set := cmd.Flags().Changed
			if set("description") {
				change.Description = &given.Description
			}
			if set("default") {
				change.Default = &given.Default
			}
			if set("fallback") {
				change.Fallback = &given.Fallback
			}
			if set("max-bytes") {
				change.MaxBytes = &given.MaxBytes
			}
			if set("region") || set("role-arn") {
				change.Role = &given.Role
			}
			if change == (client.BackendChange{}) {
				return problem.New(problem.Invalid, "nothing is to be changed", "see "+cmd.CommandPath()+" --help")
			}
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error {
				changed, err := c.UpdateBackend(ctx, args[0], change)
				if err != nil {
					return err
				}
				return a.printBackend(changed)
			})
		},
	}
	cmd.Flags().StringVar(&given.Description, "description", "", "what people are told about it")
	cmd.Flags().BoolVar(&given.Default, "default", false, "store artifacts there from now on; --default=false: no longer")
	cmd.Flags().BoolVar(&given.Fallback, "fallback", false, "make it the default when the default is deleted or not valid")
	cmd.Flags().Int64Var(&given.MaxBytes, "max-bytes", 0, "largest artifact, in bytes")
	cmd.Flags().StringVar(&given.Role.Region, "region", "", "Region of the bucket")
	cmd.Flags().StringVar(&given.Role.ARN, "role-arn", "", "role that the installation assumes")
	return cmd
}

func backendDelete(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "delete NAME",
		Short: "Forget a bucket of your own; what is in it stays there",
		Long: `Forget a bucket of your own, at once and without asking. Nothing in it is touched, and
artifacts that are nowhere else can no longer be downloaded. If it was the default, the
fallback takes its place, or else the managed backend. Prints nothing.`,
		Example: `  managedcas --org acme cas-backend delete ours`,
		Args:    oneBackend,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error { return c.DeleteBackend(ctx, args[0]) })
		},
	}
}

func backendRevalidate(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "revalidate NAME",
		Short: "Try a bucket of your own now",
		Long: `Write, read, list and delete an object in the bucket now, as happens every hour anyway.
Exit code 8 means that it is not valid, and says what to do; if it was the default, artifacts
are stored elsewhere from now on. Prints nothing when it is valid.`,
		Example: `  managedcas --org acme cas-backend revalidate ours`,
		Args:    oneBackend,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error { return c.RevalidateBackend(ctx, args[0]) })
		},
	}
}

func backendExternalID(a *app) *cobra.Command {
	var bucket string
	cmd := &cobra.Command{
		Use:   "external-id [--bucket BUCKET]",
		Short: "Show the external id and the policies that a role of yours needs",
		Long: `Show what lets the installation into a bucket of the organization's own account: the
external id, which is the organization's for good, and the trust policy of the role. With
--bucket also its permission policy.`,
		Example: `  managedcas --org acme cas-backend external-id --bucket acme-artifacts
  managedcas --org acme cas-backend external-id -o json | jq -r .trustPolicy > trust.json`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error {
				own, err := c.OwnBucket(ctx, bucket)
				if err != nil || a.output == "json" {
					if err == nil {
						err = a.print(own, nil, nil)
					}
					return err
				}
				fmt.Fprintf(a.stdout, "External id: %s\nKeys begin with: %s\nAllowed roles:\n", printable(own.ExternalID), printable(own.KeyPrefix))
				for _, pattern := range own.RoleARNPatterns {
					fmt.Fprintln(a.stdout, " ", printable(pattern))
				}
				fmt.Fprintf(a.stdout, "Trust policy of the role:\n%s\n", own.TrustPolicy)
				if own.PermissionPolicy != "" {
					fmt.Fprintf(a.stdout, "Permission policy of the role:\n%s\n", own.PermissionPolicy)
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&bucket, "bucket", "", "name of the bucket")
	return cmd
}
