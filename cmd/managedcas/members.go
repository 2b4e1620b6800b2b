package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/client"
	"github.com/managedcas/managedcas/internal/problem"
)

func membersCommand(a *app) *cobra.Command {
	return group("members", "See and govern the members of the organization", nil,
		memberList(a), memberSetRole(a), memberRemove(a), memberLeave(a))
}

func memberList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the members of the organization",
		Example: `  managedcas --org acme organization members list`,
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error {
				members, err := c.Members(ctx)
				if err != nil {
					return err
				}
				var rows [][]string
				for _, m := range members {
					rows = append(rows, []string{m.Email, m.Name, m.Role, m.ID, timestamp(m.JoinedAt)})
				}
				return a.print(members, []string{"EMAIL", "NAME", "ROLE", "ID", "JOINED"}, rows)
			})
		},
	}
}

func memberSetRole(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "set-role MEMBER ROLE",
		Short: "Give a member another role",
		Long: `Give a member, by address or id, another role: viewer, contributor, member, admin or owner.
It needs the role admin; only an owner makes, changes or removes owners.`,
		Example:           `  managedcas --org acme organization members set-role ann@example.com admin`,
		ValidArgsFunction: a.completeMember(true),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return problem.New(problem.Invalid, "a member and a role are needed", "for example: ann@example.com admin")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error { return c.SetRole(ctx, args[0], args[1]) })
		},
	}
}

func memberRemove(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "remove MEMBER",
		Short:             "End a membership, at once",
		Long:              `End the membership of a member, by address or id. Their next call is refused.`,
		Example:           `  managedcas --org acme organization members remove ann@example.com`,
		Args:              one("member", "see organization members list"),
		ValidArgsFunction: a.completeMember(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error { return c.RemoveMember(ctx, args[0]) })
		},
	}
}

func memberLeave(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "leave",
		Short:   "End your own membership",
		Long:    `End your own membership in the organization. Its last owner cannot.`,
		Example: `  managedcas --org acme organization members leave`,
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error { return c.Leave(ctx) })
		},
	}
}

func inviteCommand(a *app) *cobra.Command {
	var role string
	var expires time.Duration
	cmd := &cobra.Command{
		Use:   "invite EMAIL",
		Short: "Invite somebody to the organization",
		Long: `Invite the owner of an address, as the sign-in provider has verified it. No mail is sent: tell
them to sign in and to run organization invitation list --mine. Inviting again replaces the
invitation. It ends when your role no longer lets you make it.`,
		Example: `  managedcas --org acme organization invite ann@example.com --role contributor`,
		Args:    one("address", "for example: ann@example.com"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error {
				made, err := c.Invite(ctx, args[0], role, expires)
				if err != nil {
					return err
				}
				return a.printInvitations([]client.Invitation{made}, made)
			})
		},
	}
	cmd.Flags().StringVar(&role, "role", "viewer", "what they may do: viewer, contributor, member, admin or owner")
	_ = cmd.RegisterFlagCompletionFunc("role", cobra.FixedCompletions(roles, cobra.ShellCompDirectiveNoFileComp))
	cmd.Flags().DurationVar(&expires, "expires", 0, "how long it is open, 1m to 720h; default: 168h")
	return cmd
}

func (a *app) printInvitations(list []client.Invitation, value any) error {
	var rows [][]string
	for _, i := range list {
		rows = append(rows, []string{i.ID, i.Organization, i.Email, i.Role, i.InvitedBy, timestamp(i.ExpiresAt)})
	}
	return a.print(value, []string{"ID", "ORGANIZATION", "EMAIL", "ROLE", "INVITED BY", "EXPIRES"}, rows)
}

func invitationCommand(a *app) *cobra.Command {
	return group("invitation", "See, revoke and accept invitations", nil, invitationList(a), invitationRevoke(a), invitationAccept(a))
}

func invitationList(a *app) *cobra.Command {
	var mine bool
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the open invitations of the organization, or yours",
		Example: `  managedcas organization invitation list --mine`,
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error {
				list, err := c.Invitations(ctx, mine)
				if err != nil {
					return err
				}
				return a.printInvitations(list, list)
			})
		},
	}
	cmd.Flags().BoolVar(&mine, "mine", false, "those for your address, of any organization")
	return cmd
}

func invitationRevoke(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "revoke ID",
		Short:   "Take an invitation back",
		Example: `  managedcas --org acme organization invitation revoke 8f0c5a3e-6f0e-4d6e-9d53-1f3a0c0f7c11`,
		Args:    one("id of an invitation", "see organization invitation list"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error { return c.RevokeInvitation(ctx, args[0]) })
		},
	}
}

func invitationAccept(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "accept ID",
		Short:   "Become a member",
		Example: `  managedcas organization invitation accept 8f0c5a3e-6f0e-4d6e-9d53-1f3a0c0f7c11`,
		Args:    one("id of an invitation", "see organization invitation list --mine"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error {
				organization, role, err := c.AcceptInvitation(ctx, args[0])
				if err != nil {
					return err
				}
				return a.print(map[string]string{"organization": organization, "role": role}, []string{"ORGANIZATION", "ROLE"}, [][]string{{organization, role}})
			})
		},
	}
}
