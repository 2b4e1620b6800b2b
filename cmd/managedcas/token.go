package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/client"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/problem"
)

func tokenCommand(a *app) *cobra.Command {
	return group("token", "Issue and revoke API tokens of an organization", nil,
		tokenCreate(a), tokenList(a), tokenRevoke(a), tokenCAS(a))
}

func tokenCreate(a *app) *cobra.Command {
	var name string
	var expires time.Duration
	cmd := &cobra.Command{
		Use:   "create --name NAME",
		Short: "Issue a token of the organization, and print it once",
		Long: `Issue an API token of the organization, for a build system or a person, and print it: no
server can tell it again. It acts in that organization only, and is revoked with it. Admins and
owners of the organization issue tokens, and administrators of the installation, without --org
others of their own kind; a token of an organization issues none. A name is free again when its
token is revoked, not when it has expired.`,
		Example: `  managedcas --org acme token create --name ci --expires 720h`,
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("expires") && expires < time.Second {
				return problem.New(problem.Invalid, "--expires "+expires.String()+" is less than a second", "say how long the token is good for, e.g. 720h, or leave it out")
			}
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error {
				text, t, err := c.CreateToken(ctx, name, expires)
				if err != nil {
					return err
				}
				if a.output == "json" {
					return a.print(issued{t, text}, nil, nil)
				}
				_, err = fmt.Fprintln(a.stdout, text) // alone: it goes to a file or a variable
				return err
			})
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "name of the token: 1 to 63 lowercase letters, digits and inner hyphens (required)")
	cmd.Flags().DurationVar(&expires, "expires", 0, "how long it is good for, e.g. 720h; default: until it is revoked")
	return required(cmd, "name")
}

// issued is a new token with its text.
type issued struct {
	client.Token
	Text string `json:"token"`
}

func tokenList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the tokens of the organization that are not revoked",
		Long: `List the tokens of the organization that are not revoked, without their text, those that have
expired too. Admins and owners of the organization see them, and administrators of the
installation, without --org those of their own kind.`,
		Example: `  managedcas --org acme token list`,
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error {
				tokens, err := c.Tokens(ctx)
				if err != nil {
					return err
				}
				var rows [][]string
				for _, t := range tokens {
					rows = append(rows, []string{t.Name, t.ID, timestamp(t.CreatedAt), maybe(t.ExpiresAt), maybe(t.LastUsedAt)})
				}
				return a.print(tokens, []string{"NAME", "ID", "CREATED", "EXPIRES", "LAST USED"}, rows)
			})
		},
	}
}

// maybe writes a time that need not come.
func maybe(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return timestamp(*t)
}

func tokenRevoke(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "revoke ID",
		Short:   "Take a token back, at once",
		Long:    `Take a token of the organization back: the next call with it is refused. Its id is in the list.`,
		Example: `  managedcas --org acme token revoke 8f0c5a3e-6f0e-4d6e-9d53-1f3a0c0f7c11`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return problem.New(problem.Invalid, "exactly one id of a token is needed", "see token list")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error {
				return c.RevokeToken(ctx, args[0])
			})
		},
	}
}

func tokenCAS(a *app) *cobra.Command {
	var role, text string
	cmd := &cobra.Command{
		Use:   "cas --role uploader|downloader -d sha256:…",
		Short: "Print a CAS token, for HTTP clients without this command",
		Long: `Print a token for the artifact CAS, good for two minutes, for one artifact of the organization
and for one role: what HTTP clients show to the CAS. The API token of the organization gets it.`,
		Example: `  managedcas --org acme token cas --role uploader -d sha256:…`,
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			wanted := cas.Role(role)
			if wanted != cas.Uploader && wanted != cas.Downloader {
				return problem.New(problem.Invalid, fmt.Sprintf("--role %q is none", role), "use --role uploader or --role downloader")
			}
			d, err := digest.Parse(text)
			if err != nil {
				return cas.Problem(err)
			}
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error {
				token, err := c.CASToken(ctx, wanted, d)
				if err != nil {
					return err
				}
				if a.output == "json" {
					return a.print(map[string]string{"token": token}, nil, nil)
				}
				_, err = fmt.Fprintln(a.stdout, token)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&role, "role", "", "what it is for: uploader or downloader (required)")
	cmd.Flags().StringVarP(&text, "digest", "d", "", "digest of the artifact (required)")
	return required(cmd, "digest")
}
