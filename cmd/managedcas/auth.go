package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/client"
	"github.com/managedcas/managedcas/internal/problem"
)

func authCommand(a *app) *cobra.Command {
	return group("auth", "Sign in and out, and get tokens", nil,
		authLogin(a), authLogout(a), authStatus(a),
		group("logins", "See and end what you are signed in with", nil, loginList(a), loginRevoke(a)),
		authBootstrap(a), authFederate(a))
}

func authLogin(a *app) *cobra.Command {
	var device, noBrowser bool
	var site string
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Sign in with a browser",
		Long: `Sign in to the control plane: the browser of this machine opens, or, with --device, that of
another one is used, for which a code is shown. Either asks who has signed in whether this
command is theirs. The login is kept in managedcas/config.toml in $XDG_CONFIG_HOME or ~/.config,
readable by its owner, and is shown to this control plane alone. --token and CHAINLOOP_TOKEN are
used before it. It waits ten minutes for the browser. Where people sign in at another host than
that of the control plane, --at says that you know it: else a control plane could have you sign
in at somebody else's, and use your login there.`,
		Example: `  managedcas auth login
  managedcas auth login --device
  managedcas auth login --at https://cas.example.com`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := userFile()
			if err != nil {
				return err
			}
			if _, _, err := file.read(); err != nil { // before there is a login that nobody could keep
				return err
			}
			return a.anonymously(cmd, func(ctx context.Context, c *client.Client) error {
				login, err := a.signIn(ctx, c, site, device || noBrowser)
				if err != nil {
					return err
				}
				if err := file.keep(a.cfg.ControlPlane, &login); err != nil {
					return err
				}
				a.greet(cmd, login)
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&device, "device", false, "use the browser of another machine")
	cmd.Flags().BoolVar(&noBrowser, "no-browser", false, "the same as --device")
	cmd.Flags().StringVar(&site, "at", "", "where people sign in, if not on the control plane's host: https://HOST[:PORT]")
	return cmd
}

// greet says who is signed in: people have several accounts at a provider.
func (a *app) greet(cmd *cobra.Command, login client.Login) {
	as := ""
	_ = a.connectWith(cmd, credential{login.Token, fromLogin}, func(ctx context.Context, c *client.Client) error {
		who, err := c.Who(ctx)
		if err == nil {
			as = " as " + who.User
		}
		return err
	}) // they are signed in, whatever this says
	a.tell("You are signed in" + as + " until " + timestamp(login.ExpiresAt) + ".")
}

func (a *app) signIn(ctx context.Context, c *client.Client, site string, device bool) (client.Login, error) {
	name, err := os.Hostname()
	if err != nil {
		name = ""
	}
	way, err := c.SignIn(ctx, name, site)
	if err != nil {
		return client.Login{}, err
	}
	if device {
		return way.Device(ctx, func(url, code string, lasts time.Duration) {
			a.tell("Open " + url + " in a browser, on any machine, and type " + code + ". Waiting for " + lasts.Round(time.Second).String() + ".")
		})
	}
	return way.Browser(ctx, func(url string) {
		a.tell("Sign in with the browser that opens, or open " + url)
		browse(ctx, url)
	})
}

// browse opens a URL in the user's browser. The URL is shown as well: that none opens is
// no failure.
func browse(ctx context.Context, url string) {
	program := os.Getenv("BROWSER")
	if program == "" {
		program = map[string]string{"darwin": "open", "windows": "explorer"}[runtime.GOOS]
	}
	if program == "" {
		program = "xdg-open"
	}
	if cmd := exec.CommandContext(ctx, program, url); cmd.Start() == nil {
		go func() { _ = cmd.Wait() }() // what it says is its own affair
	}
}

func authLogout(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "logout",
		Short:   "Sign out, here and at the control plane",
		Long:    `End the login of this user at the control plane, at once, and forget it.`,
		Example: `  managedcas auth logout`,
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			login, err := a.login()
			if err != nil {
				return err
			}
			if login.token == "" {
				return problem.New(problem.Precondition, "you are not signed in to this control plane", "see managedcas auth status")
			}
			err = a.connectWith(cmd, credential{login.token, fromLogin}, func(ctx context.Context, c *client.Client) error {
				return c.EndSession(ctx, "")
			})
			if err != nil && problem.KindOf(err) != problem.Unauthenticated { // then it is over already
				return err
			}
			file, err := userFile()
			if err != nil {
				return err
			}
			return file.keep("", nil)
		},
	}
}

// standing is what auth status shows.
type standing struct {
	client.Who
	Source string `json:"source"`
}

func authStatus(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Short:   "Show who you are to the control plane, and by which token",
		Example: `  managedcas auth status`,
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found, err := a.credential(cmd.Context())
			if err != nil {
				return err
			}
			return a.connectWith(cmd, found, func(ctx context.Context, c *client.Client) error {
				who, err := c.Who(ctx)
				if err != nil {
					return err
				}
				return a.print(standing{who, found.source}, []string{"USER", "NAME", "ORGANIZATION", "ROLE", "ADMINISTRATOR", "BY"},
					[][]string{{who.User, who.Name, who.Organization, who.Role, yes(who.Instance), found.source}})
			})
		},
	}
}

func loginList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List what you are signed in with: browsers and machines",
		Example: `  managedcas auth logins list`,
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error {
				sessions, err := c.Sessions(ctx)
				if err != nil {
					return err
				}
				var rows [][]string
				for _, s := range sessions {
					rows = append(rows, []string{s.Client, s.ID, timestamp(s.CreatedAt), timestamp(s.ExpiresAt), maybe(s.LastUsedAt), yes(s.Current)})
				}
				return a.print(sessions, []string{"CLIENT", "ID", "CREATED", "EXPIRES", "LAST USED", "THIS ONE"}, rows)
			})
		},
	}
}

func loginRevoke(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "revoke ID",
		Short:   "End one of your logins, at once",
		Example: `  managedcas auth logins revoke 8f0c5a3e-6f0e-4d6e-9d53-1f3a0c0f7c11`,
		Args:    one("id of a login", "see auth logins list"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error { return c.EndSession(ctx, args[0]) })
		},
	}
}

// one takes exactly one argument that is not empty.
func one(what, next string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 || args[0] == "" {
			return problem.New(problem.Invalid, "exactly one "+what+" is needed", next)
		}
		return nil
	}
}

func authBootstrap(a *app) *cobra.Command {
	var token, name string
	cmd := &cobra.Command{
		Use:   "bootstrap --token TOKEN",
		Short: "Become the first administrator of an installation",
		Long: `Spend the token that the first start of the control plane has printed. Who is signed in
becomes an administrator of the installation; else an instance token is printed, once.`,
		Example: `  managedcas auth bootstrap --token mcas-bootstrap-…`,
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			login, err := a.login()
			if err != nil {
				return err
			}
			if login.token != "" {
				return a.connectWith(cmd, credential{login.token, fromLogin}, func(ctx context.Context, c *client.Client) error {
					if err := c.Claim(ctx, token); err != nil {
						return err
					}
					a.tell("You administer the installation.")
					return nil
				})
			}
			return a.anonymously(cmd, func(ctx context.Context, c *client.Client) error {
				text, err := c.Redeem(ctx, token, name)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintln(a.stdout, text) // alone: it goes to a file or a variable
				return err
			})
		},
	}
	cmd.Flags().StringVar(&token, "token", "", "what the first start has printed (required)")
	cmd.Flags().StringVar(&name, "name", "", "name of the instance token; default: bootstrap")
	return required(cmd, "token")
}

func authFederate(a *app) *cobra.Command {
	var audience string
	cmd := &cobra.Command{
		Use:   "federate --org NAME",
		Short: "In a CI job: print a token of the organization for the provider's",
		Long: `Exchange the token by which the CI provider says who this job is for one of the organization,
if that trusts it (organization trust), and print it. On GitHub the job needs permissions:
id-token: write; on GitLab an id_tokens entry MANAGEDCAS_ID_TOKEN. Other commands do this by
themselves in a job that has no other token, and --org.`,
		Example: `  managedcas --org acme auth federate`,
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			token, err := a.federate(cmd.Context(), audience)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(a.stdout, token) // alone: it goes to a file or a variable
			return err
		},
	}
	cmd.Flags().StringVar(&audience, "audience", "", "what the provider's token is for; default: the address of the control plane")
	return cmd
}

// federate exchanges the token of this CI job. What it is for is this control plane: no
// other one, whose operator may be another, can use it.
func (a *app) federate(ctx context.Context, audience string) (string, error) {
	if a.cfg.Org == "" {
		return "", problem.New(problem.Invalid, "no organization", "name the one that trusts this job with --org")
	}
	if audience == "" {
		audience = a.cfg.ControlPlane
	}
	provided, err := client.PipelineToken(ctx, os.Getenv, audience)
	if err != nil {
		return "", err
	}
	cfg := a.cfg
	cfg.Token, cfg.Anonymous = "", true
	c, err := client.New(cfg)
	if err != nil {
		return "", err
	}
	defer c.Close()
	token, _, err := c.Federate(ctx, a.cfg.Org, provided)
	return token, err
}
