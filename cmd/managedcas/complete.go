package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/client"
)

// completePatience is how long a shell waits for names while somebody types.
const completePatience = 2 * time.Second

// completeOrganization offers names for an argument that is one organization.
func (a *app) completeOrganization(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.organizationsBeginning(cmd, nil, begun)
}

// organizationsBeginning returns the names of the organizations that the token can act in;
// none when nobody can be asked.
func (a *app) organizationsBeginning(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completePatience)
	defer cancel()
	cmd.SetContext(ctx)
	var names []string
	_ = a.connect(cmd, func(ctx context.Context, c *client.Client) error { // then there are no names
		organizations, err := c.Organizations(ctx)
		for _, o := range organizations {
			if strings.HasPrefix(o.Name, begun) {
				names = append(names, o.Name)
			}
		}
		return err
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}
