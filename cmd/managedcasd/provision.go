package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/provision"
	"github.com/managedcas/managedcas/internal/service"
	"github.com/managedcas/managedcas/internal/tenancy"
)

func provisionCommand() *cobra.Command {
	var config string
	var planOnly bool
	cmd := &cobra.Command{
		Use:   "provision --config FILE [--plan]",
		Short: "Put bucket, key, roles and policies of an installation in place",
		Long: `Put in place what an installation needs before its first organization: workload roles,
base role, KMS key and bucket, with their policies. What exists is adopted; nothing is
deleted or loosened; a second run changes nothing. It runs with the AWS credentials of
its environment, which must be those of an administrator.`,
		Example: `  managedcasd provision --config managedcas.yaml --plan
  managedcasd provision --config managedcas.yaml`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := needFlag(cmd, "config", config); err != nil {
				return err
			}
			cfg, err := service.ReadConfig(config)
			if err != nil {
				return err
			}
			log := cfg.Log.Logger(cmd.ErrOrStderr())
			in := cfg.Backend.ManagedCas.Names()
			aws, err := connectAWS(cmd.Context(), cfg, in, nil, log)
			if err != nil {
				return err
			}
			p, err := newProvisioner(aws, in, log)
			if err != nil {
				return fmt.Errorf("backend.managedCas: %w", err)
			}
			if err := needCredentials(cmd.Context(), aws, "an administrator of the account"); err != nil {
				return err
			}
			plan, err := p.Plan(cmd.Context())
			if err != nil {
				return err
			}
			for _, step := range plan {
				fmt.Fprintln(cmd.OutOrStdout(), step)
			}
			if len(plan) == 0 {
				fmt.Fprintln(cmd.OutOrStdout(), "nothing to do")
			}
			if planOnly {
				return nil
			}
			in, err = p.Apply(cmd.Context(), plan)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "kmsKeyArn: %s\n", in.KMSKeyARN)
			return nil
		},
	}
	cmd.Flags().StringVar(&config, "config", "", "configuration file, YAML (required)")
	cmd.Flags().BoolVar(&planOnly, "plan", false, "print what would be done, and do nothing")
	return cmd
}

func newProvisioner(aws *awscloud.Cloud, in tenancy.Installation, log *slog.Logger) (*provision.Provisioner, error) {
	return provision.New(provision.Config{Installation: in, Roles: aws, Keys: aws, Buckets: aws, Settings: aws, Log: log})
}

// provisionNow plans and applies.
func provisionNow(ctx context.Context, aws *awscloud.Cloud, in tenancy.Installation, log *slog.Logger) (tenancy.Installation, error) {
	p, err := newProvisioner(aws, in, log)
	if err != nil {
		return in, err
	}
	plan, err := p.Plan(ctx)
	if err != nil {
		return in, err
	}
	return p.Apply(ctx, plan)
}
