package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/client"
)

// tableEvents is how many events a table shows; JSON has all that the server sent.
const tableEvents = 8

func organizationDescribe(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "describe [NAME|ID]",
		Short: "Show an organization, the state of its storage, and what happened to it",
		Long: `Show an organization with its conditions and its last events. Each condition is True,
False or Unknown since a time, with a reason:

  Provisioned     everything that the organization needs exists
  PolicyInSync    its policies are what they should be
  Reachable       a probe stored, read and listed as the organization, and nobody else's
  StorageBackend  its default storage backend can be used

A token of an organization may describe that one. To others, the server's log gives ids:
these serve as well as names. Why a degraded one needs an operator, that log says, and
managedcasd reconcile --plan.`,
		Example: `  managedcas organization describe acme
  managedcas organization describe acme -o json | jq '.conditions[] | select(.status != "True")'`,
		ValidArgsFunction: a.completeOrganization,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return none(cmd, args[1:])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			name := a.cfg.Org
			if len(args) == 1 {
				name = args[0]
			}
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error {
				o, err := c.OrganizationState(ctx, name)
				if err != nil {
					return err
				}
				return a.print(o, []string{"ORGANIZATION", ""}, describeRows(o))
			})
		},
	}
}

func describeRows(o client.OrganizationState) [][]string {
	rows := [][]string{{"Name", o.Name}, {"ID", o.ID}, {"State", o.State}, {"Created", timestamp(o.CreatedAt)}}
	if o.Reason != "" {
		rows = append(rows, []string{"Reason", o.Reason})
	}
	for _, c := range o.Conditions {
		rows = append(rows, []string{c.Type, fmt.Sprintf("%s since %s: %s (%s)", c.Status, timestamp(c.Since), c.Message, c.Reason)})
	}
	for i, e := range o.Events {
		if i == tableEvents {
			break
		}
		times := ""
		if e.Count > 1 {
			times = fmt.Sprintf(" (%d times since %s)", e.Count, timestamp(e.First))
		}
		rows = append(rows, []string{e.Reason, timestamp(e.Last) + ": " + e.Message + times})
	}
	return rows
}
