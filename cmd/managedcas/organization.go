package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/client"
	"github.com/managedcas/managedcas/internal/problem"
)

func organizationCommand(a *app) *cobra.Command {
	return group("organization", "Create and look at organizations", []string{"org"},
		organizationCreate(a), organizationList(a), organizationDescribe(a), organizationDelete(a), organizationUndelete(a),
		membersCommand(a), inviteCommand(a), invitationCommand(a), trustCommand(a))
}

func organizationCreate(a *app) *cobra.Command {
	var name string
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Create an organization; its private storage follows within seconds",
		Long: `Create an organization. The name is a DNS-1123 label: up to 63 lowercase letters,
digits and inner hyphens, and no UUID: commands take ids as well. Its access point, session
policy and storage backend are made by the backend within seconds; --wait waits for them.
Exit code 14 means that they were not ready in time: the organization exists, and
organization describe tells more.`,
		Example: `  managedcas organization create acme --wait 30s`,
		Args:    nameOrFlag(&name),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if wait < 0 {
				return problem.New(problem.Invalid, "--wait "+wait.String()+" is in the past", "say how long to wait, for example --wait 30s")
			}
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error {
				o, err := c.CreateOrganization(ctx, name)
				if err != nil {
					return err
				}
				if wait > 0 {
					if err := waitReady(ctx, c, name, wait); err != nil {
						return err
					}
				}
				return a.print(o, []string{"NAME", "ID", "CREATED"}, [][]string{{o.Name, o.ID, timestamp(o.CreatedAt)}})
			})
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "name of the organization")
	cmd.Flags().DurationVar(&wait, "wait", 0, "wait so long for the storage to be ready, e.g. 30s")
	return cmd
}

// nameOrFlag takes the name as an argument, or as --name like the stock client.
func nameOrFlag(name *string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 && *name == "" {
			*name = args[0]
			return nil
		}
		if len(args) == 0 && *name != "" {
			return nil
		}
		return problem.New(problem.Invalid, "exactly one organization name is needed", "for example: "+cmd.CommandPath()+" acme")
	}
}

func waitReady(ctx context.Context, c *client.Client, name string, limit time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, problem.New(problem.Deadline,
		"the organization exists, but its storage is not ready yet", "see organization describe "+name))
	defer cancel()
	for {
		state, err := c.OrganizationState(ctx, name)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return err
		case state.State == "ready":
			return nil
		case state.State == "degraded":
			return problem.New(problem.Precondition, "provisioning stopped: "+state.Reason, "tell the operator of the installation")
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func organizationList(a *app) *cobra.Command {
	var deleted bool
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the organizations that the token can act in, and how their storage is",
		Example: `  managedcas organization list
  managedcas organization list -o json | jq -r '.[] | select(.state != "ready").name'
  managedcas organization list --deleted`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if deleted {
				return listDeleted(a, cmd)
			}
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error {
				organizations, err := c.Organizations(ctx)
				if err != nil {
					return err
				}
				var rows [][]string
				for _, o := range organizations {
					rows = append(rows, []string{o.Name, o.ID, o.State, o.Role, timestamp(o.CreatedAt)})
				}
				return a.print(organizations, []string{"NAME", "ID", "STATE", "ROLE", "CREATED"}, rows)
			})
		},
	}
	cmd.Flags().BoolVar(&deleted, "deleted", false, "list the deleted ones, and when their artifacts are purged")
	return cmd
}

func organizationDelete(a *app) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete an organization",
		Long: `Delete an organization, at once and without asking. Its tokens, access point and session
policy are gone with it, so nobody can read its artifacts any more. The objects stay in the
bucket for the retention of the installation, within which organization undelete brings it
back. Its name is free again when the backend is done. Prints nothing; organization list
--deleted shows how far it is.`,
		Example:           `  managedcas organization delete acme`,
		ValidArgsFunction: a.completeOrganization,
		Args:              nameOrFlag(&name),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error {
				return c.DeleteOrganization(ctx, name)
			})
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "name of the organization")
	return cmd
}

// none refuses arguments, with a next step.
func none(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return problem.New(problem.Invalid, "unexpected argument "+args[0], "see "+cmd.CommandPath()+" --help")
	}
	return nil
}
