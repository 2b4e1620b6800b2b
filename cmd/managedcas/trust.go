package main

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/client"
)

func trustCommand(a *app) *cobra.Command {
	return group("trust", "Say which CI pipelines may act for the organization", nil,
		trustCreate(a), trustList(a),
		trustSwitch(a, "disable", "Refuse the tokens of a trust, at once", false), trustSwitch(a, "enable", "Turn a trust on again", true),
		trustDelete(a))
}

func trustCreate(a *app) *cobra.Command {
	var wanted client.Trust
	var lifetime time.Duration
	cmd := &cobra.Command{
		Use:   "create NAME --issuer URL --subject PATTERN",
		Short: "Trust the pipelines that a CI provider calls by a subject",
		Long: `Let pipelines act for the organization without a secret: their CI provider signs who they are,
and managedcas auth federate exchanges that for a token of minutes, which may upload and
download. A subject is compared as a whole; in it, * is any text without a colon and ** any
text, but only after the slash that ends the name of the repository's owner. Names of owners
are given again when somebody gives one up: add the claim with the owner's number.

A provider's token is exchanged once. A job of GitLab has one for all its commands: keep in
CHAINLOOP_TOKEN what managedcas auth federate prints, or say --reusable, and whoever gets hold
of the job's token can use it, too, until it ends.`,
		Example: `  managedcas --org acme organization trust create app --issuer https://token.actions.githubusercontent.com --subject repo:acme/app:ref:refs/heads/main --claim repository_owner_id=583231
  managedcas --org acme organization trust create lib --issuer https://gitlab.com --subject project_path:acme/lib:ref_type:branch:ref:main --reusable`,
		Args: one("name of a trust", "for example: app"),
		RunE: func(cmd *cobra.Command, args []string) error {
			wanted.Name = args[0]
			if wanted.Audience == "" {
				wanted.Audience = a.cfg.ControlPlane
			}
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error {
				made, err := c.CreateTrust(ctx, wanted, lifetime)
				if err != nil {
					return err
				}
				return a.printTrusts([]client.Trust{made}, made)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&wanted.Issuer, "issuer", "", "URL of the provider, as the installation allows it (required)")
	flags.StringVar(&wanted.Audience, "audience", "", "what the provider's token has to be for; default: the address of the control plane")
	flags.StringArrayVar(&wanted.Subjects, "subject", nil, "who may come; several times: one of them (required)")
	flags.StringToStringVar(&wanted.Claims, "claim", nil, "NAME=VALUE that the provider's token must have besides")
	flags.DurationVar(&lifetime, "lifetime", 0, "of the tokens that are given, 1m to 15m; default: 10m")
	flags.BoolVar(&wanted.Reusable, "reusable", false, "let a provider's token be exchanged again until it ends")
	return required(cmd, "issuer")
}

func (a *app) printTrusts(list []client.Trust, value any) error {
	var rows [][]string
	for _, t := range list {
		rows = append(rows, []string{t.Name, t.ID, t.Issuer, t.Audience, strings.Join(t.Subjects, " "), claims(t.Claims), t.Lifetime, yes(t.Reusable), yes(t.Enabled)})
	}
	return a.print(value, []string{"NAME", "ID", "ISSUER", "AUDIENCE", "SUBJECTS", "CLAIMS", "LIFETIME", "REUSABLE", "ENABLED"}, rows)
}

// claims writes what a token must say besides its subject.
func claims(wanted map[string]string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		pairs = append(pairs, name+"="+wanted[name])
	}
	return strings.Join(pairs, " ")
}

func trustList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List which pipelines the organization trusts",
		Example: `  managedcas --org acme organization trust list`,
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error {
				list, err := c.Trusts(ctx)
				if err != nil {
					return err
				}
				return a.printTrusts(list, list)
			})
		},
	}
}

func trustSwitch(a *app, verb, short string, enabled bool) *cobra.Command {
	return &cobra.Command{
		Use:     verb + " ID",
		Short:   short,
		Example: `  managedcas --org acme organization trust ` + verb + ` 8f0c5a3e-6f0e-4d6e-9d53-1f3a0c0f7c11`,
		Args:    one("id of a trust", "see organization trust list"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error { return c.EnableTrust(ctx, args[0], enabled) })
		},
	}
}

func trustDelete(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "delete ID",
		Short:   "End a trust; its tokens are refused at once",
		Example: `  managedcas --org acme organization trust delete 8f0c5a3e-6f0e-4d6e-9d53-1f3a0c0f7c11`,
		Args:    one("id of a trust", "see organization trust list"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error { return c.DeleteTrust(ctx, args[0]) })
		},
	}
}
