// Command managedcas stores and fetches artifacts of an organization.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/client"
	"github.com/managedcas/managedcas/internal/problem"
)

// version is stamped by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run executes one command line and returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := command(&app{stdout: stdout, stderr: stderr})
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	p := problem.From(err)
	text := p.Public()
	if p.Kind() == problem.Internal && !errors.As(err, new(*problem.Problem)) {
		text = err.Error() // it happened here: there is no server log to send anybody to
	}
	fmt.Fprintln(stderr, "error:", oneLine(text))
	return p.Kind().ExitCode()
}

// oneLine keeps an error on its line, and two of them apart: messages may quote what
// somebody typed.
func oneLine(s string) string {
	s = strings.ReplaceAll(strings.TrimSpace(s), "\n", "; ")
	return printable(strings.Join(strings.Fields(s), " "))
}

// app is what the commands share: the flags, and where output goes.
type app struct {
	stdout, stderr io.Writer
	cfg            client.Config
	output         string
}

const long = `managedcas stores build artifacts (SBOMs, test reports, attestations) under the
sha256 of their bytes, in the private storage of your organization.

Exit codes: 0 done, 1 internal error, 2 wrong usage or content, 3 not signed in,
5 not allowed, 6 not found, 7 exists already, 8 not possible in this state,
11 too large, 15 try again later; docs/cli.md has all of them. An --org that is not the
token's own is 5, whether or not there is such an organization.`

const example = `  managedcas organization create acme
  managedcas --org acme artifact upload -f sbom.json
  managedcas --org acme artifact download -d sha256:… --output sbom.json`

func command(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:           "managedcas",
		Short:         "Content-addressed artifact storage, one private compartment per organization",
		Long:          long,
		Example:       example,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noSuchCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			lines := a.output == "jsonl" && cmd.Annotations[hasLines] != ""
			if a.output != "table" && a.output != "json" && !lines {
				return problem.New(problem.Invalid, fmt.Sprintf("unknown output format %q", a.output), "use -o table or -o json")
			}
			a.cfg.Version, a.cfg.Tell = version, a.tell
			return nil
		},
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.cfg.ControlPlane, "control-plane", os.Getenv("CHAINLOOP_CONTROL_PLANE_API"), "control plane address, HOST:PORT [CHAINLOOP_CONTROL_PLANE_API]")
	flags.StringVar(&a.cfg.ControlPlaneCA, "control-plane-ca", os.Getenv("CHAINLOOP_CONTROL_PLANE_API_CA"), "certificate authority of the control plane, a file or base64 [CHAINLOOP_CONTROL_PLANE_API_CA]")
	flags.StringVar(&a.cfg.ArtifactCAS, "artifact-cas", os.Getenv("CHAINLOOP_ARTIFACT_CAS_API"), "artifact CAS address, HOST:PORT [CHAINLOOP_ARTIFACT_CAS_API]")
	flags.StringVar(&a.cfg.ArtifactCASCA, "artifact-cas-ca", os.Getenv("CHAINLOOP_ARTIFACT_CAS_API_CA"), "certificate authority of the CAS, a file or base64 [CHAINLOOP_ARTIFACT_CAS_API_CA]")
	insecure, _ := strconv.ParseBool(os.Getenv("CHAINLOOP_API_INSECURE")) // what it does not say is no
	flags.BoolVarP(&a.cfg.Insecure, "insecure", "i", insecure, "plaintext instead of TLS, for loopback [CHAINLOOP_API_INSECURE]")
	flags.StringVarP(&a.cfg.Org, "org", "n", "", "organization name; default: the token's own")
	flags.StringVarP(&a.output, "output", "o", "table", "output format: table or json")
	// The default of --token is not taken from the environment here: --help prints
	// defaults, and a token must not be printed.
	flags.StringVarP(&a.cfg.Token, "token", "t", "", "API token [CHAINLOOP_TOKEN]")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return problem.Wrap(err, problem.Invalid, err.Error(), "see "+cmd.CommandPath()+" --help")
	})
	// The flags exist and have no other completion: this cannot fail.
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "json"}, cobra.ShellCompDirectiveNoFileComp))
	_ = root.RegisterFlagCompletionFunc("org", a.organizationsBeginning)
	root.AddCommand(authCommand(a), organizationCommand(a), backendCommand(a), tokenCommand(a), artifactCommand(a), auditCommand(a))
	return root
}

// hasLines marks the commands that have -o jsonl as well: one line of JSON for each item.
const hasLines = "jsonl"

// group is a command that only has subcommands.
func group(use, short string, aliases []string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Aliases: aliases,
		Args: noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(commands...)
	return cmd
}

// noSuchCommand refuses what is left of a command line when no subcommand took it.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return problem.New(problem.Invalid, fmt.Sprintf("unknown command %q", args[0]), "see "+cmd.CommandPath()+" --help")
	}
	return nil
}
