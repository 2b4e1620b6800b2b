// Command managedcasd runs the servers of an installation and what its operators need.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// version is stamped by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run executes one command line and returns its exit code: 0 done, 1 failed, 2 usage, 3 left to do.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := command()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "error:", oneLine(err.Error()))
	switch {
	case errors.As(err, new(usageError)):
		return 2
	case errors.As(err, new(left)):
		return 3
	}
	return 1
}

// oneLine keeps an error on its line, also YAML's, and two errors apart.
func oneLine(text string) string {
	var line strings.Builder
	for part := range strings.Lines(text) {
		words := strings.Join(strings.Fields(part), " ")
		switch before := line.String(); {
		case before == "" || words == "":
		case strings.HasSuffix(before, ":"):
			line.WriteString(" ")
		default:
			line.WriteString("; ")
		}
		line.WriteString(words)
	}
	return line.String()
}

// usageError is a command line that makes no sense.
type usageError struct{ error }

const long = `managedcasd gives every organization of a platform private, content-addressed
artifact storage in one shared S3 bucket: an access point, an IAM session policy and
short-lived sessions for each, made by a reconciler when the organization appears.

  managedcasd dev                        everything on this machine, on an embedded AWS
  managedcasd backend|controlplane|cas   the three server roles, one process each
  managedcasd provision                  bucket, key, roles and policies of an installation
  managedcasd migrate                    the schema of the database, before an upgrade
  managedcasd doctor                     what is wrong with an installation, and its cure
  managedcasd policy                     look at, evaluate and prove the policies
  managedcasd catalogue                  repair the list of what is stored
  managedcasd reconcile                  show what is missing in AWS, and repair it

Exit codes: 0 done, 1 failed, 2 wrong usage; 3 from reconcile, doctor and migrate: something is left to do.`

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "managedcasd",
		Short:         "Private artifact storage for every organization, in one bucket",
		Long:          long,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noArguments,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
	})
	root.AddCommand(
		devCommand(), awsCommand(),
		backendCommand(), controlplaneCommand(), casCommand(),
		provisionCommand(), migrateCommand(), doctorCommand(), purgeCommand(), tokenCommand(), keysCommand(), policyCommand(), catalogueCommand(), reconcileCommand(), auditCommand(),
	)
	return root
}

// noArguments refuses what is left of a command line.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("unexpected %q; see %s --help", args[0], cmd.CommandPath())}
	}
	return nil
}

// needFlag refuses an empty flag.
func needFlag(cmd *cobra.Command, name, value string) error {
	if value == "" {
		return usageError{fmt.Errorf("--%s is missing; see %s --help", name, cmd.CommandPath())}
	}
	return nil
}
