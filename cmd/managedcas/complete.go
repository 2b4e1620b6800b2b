package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/client"
)

// roles are what a member may be, from the least.
var roles = []string{"viewer", "contributor", "member", "admin", "owner"}

// completeMember offers the addresses of members for the first argument, and roles for the
// second of a command that takes one.
func (a *app) completeMember(role bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		switch {
		case len(args) == 1 && role:
			return roles, cobra.ShellCompDirectiveNoFileComp
		case len(args) > 0:
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.membersBeginning(cmd, begun)
	}
}

func (a *app) membersBeginning(cmd *cobra.Command, begun string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completePatience)
	defer cancel()
	cmd.SetContext(ctx)
	var addresses []string
	_ = a.connect(cmd, func(ctx context.Context, c *client.Client) error { // then there are none
		members, err := c.Members(ctx)
		for _, m := range members {
			if strings.HasPrefix(m.Email, begun) {
				addresses = append(addresses, m.Email)
			}
		}
		return err
	})
	return addresses, cobra.ShellCompDirectiveNoFileComp
}

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
