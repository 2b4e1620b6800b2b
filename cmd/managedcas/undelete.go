package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/client"
	"github.com/managedcas/managedcas/internal/problem"
)

func organizationUndelete(a *app) *cobra.Command {
	var name string
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "undelete NAME|ID",
		Short: "Bring a deleted organization back, with all its artifacts",
		Long: `Bring a deleted organization back before its artifacts are purged: organization list
--deleted shows when that is. Access point, policies and storage backend are made anew
within seconds, --wait waits for them; artifacts have the digests that they had, and API
tokens are good again. It is found by its id, or by the name that it had; when another
organization has that name by now, --name gives it a new one.`,
		Example: `  managedcas organization undelete acme --name acme-again --wait 30s`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return problem.New(problem.Invalid, "exactly one organization is needed, by its id or the name that it had", "see organization list --deleted")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if wait < 0 {
				return problem.New(problem.Invalid, "--wait "+wait.String()+" is in the past", "say how long to wait, for example --wait 30s")
			}
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error {
				o, err := c.UndeleteOrganization(ctx, args[0], name)
				if err != nil {
					return err
				}
				if wait > 0 {
					if err := waitReady(ctx, c, o.Name, wait); err != nil {
						return err
					}
				}
				shown := struct {
					ID   string `json:"id"`
					Name string `json:"name"`
				}{o.ID, o.Name}
				return a.print(shown, []string{"NAME", "ID"}, [][]string{{o.Name, o.ID}})
			})
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "a new name for the organization; default: the one that it had")
	cmd.Flags().DurationVar(&wait, "wait", 0, "wait so long for the storage to be ready, e.g. 30s")
	return cmd
}

// listDeleted shows what becomes of the artifacts of deleted organizations.
func listDeleted(a *app, cmd *cobra.Command) error {
	return a.connect(cmd, func(ctx context.Context, c *client.Client) error {
		deleted, err := c.DeletedOrganizations(ctx)
		if err != nil {
			return err
		}
		var rows [][]string
		for _, o := range deleted {
			rows = append(rows, []string{o.Name, o.ID, o.Stage, moment(o.DeletedAt), moment(o.PurgeAt), moment(o.PurgedAt)})
		}
		return a.print(deleted, []string{"NAME", "ID", "STAGE", "DELETED", "PURGE FROM", "PURGED"}, rows)
	})
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return timestamp(t)
}
