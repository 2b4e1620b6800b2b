package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/isolation"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/service"
	"github.com/managedcas/managedcas/internal/tenancy"
)

func policyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Look at the policies of an installation, and ask what they allow",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(policyRenderCommand(), policyEvaluateCommand(), policyProveCommand())
	return cmd
}

// placeholderRoleID stands where only AWS knows the value: the unique id of a role.
const placeholderRoleID = "AROAEXAMPLEBASEROLE00"

func policyRenderCommand() *cobra.Command {
	var config, organization, roleID, out string
	cmd := &cobra.Command{
		Use:   "render --config FILE [--org UUID] --out DIR",
		Short: "Write every policy document of the installation as JSON",
		Long: `Write the documents that an operator puts in place once, and with --org the two of one
organization, as files named after where they belong. Existing files are replaced.
An access point policy contains the unique id of the base role (AROA…), which only AWS
knows: give it with --base-role-id, or a placeholder stands in.`,
		Example: `  managedcasd policy render --config managedcas.yaml --out policies`,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := needFlag(cmd, "config", config); err != nil {
				return err
			}
			if err := needFlag(cmd, "out", out); err != nil {
				return err
			}
			cfg, err := service.ReadConfig(config)
			if err != nil {
				return err
			}
			in, err := cfg.Backend.ManagedCas.Installation()
			if err != nil {
				return err
			}
			documents := in.Documents()
			if organization != "" {
				id, err := org.ParseID(organization)
				if err != nil {
					return usageError{err}
				}
				documents = append(documents, in.TenantDocuments(id, roleID)...)
				if roleID == placeholderRoleID {
					fmt.Fprintf(cmd.ErrOrStderr(), "note: access-point-policy.json contains %s in place of the base role's unique id; give --base-role-id\n", roleID)
				}
			}
			return writeDocuments(cmd, out, documents)
		},
	}
	cmd.Flags().StringVar(&config, "config", "", "configuration file (required)")
	cmd.Flags().StringVar(&organization, "org", "", "id of an organization whose documents to write as well")
	cmd.Flags().StringVar(&roleID, "base-role-id", placeholderRoleID, "unique id of the base role")
	cmd.Flags().StringVar(&out, "out", "", "directory to write to (required)")
	return cmd
}

func writeDocuments(cmd *cobra.Command, dir string, documents []tenancy.NamedDocument) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, d := range documents {
		text, err := d.JSON()
		if err != nil {
			return err
		}
		file := filepath.Join(dir, d.Name+".json")
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s\t%s\n", file, d.Purpose)
	}
	return nil
}

func policyEvaluateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "evaluate",
		Short: "Decide requests as AWS does: JSON lines in, JSON lines out",
		Long: `Read one question per line on standard input and answer each with one line.

  in   id, principal, action, resource, account, context{key: string|[strings]},
       identity[documents], session[documents], boundary[documents],
       resourcePolicy(document), also[{action?, resource?, account?, resourcePolicy?, context?}]
  out  {id, result: Allowed|ImplicitlyDenied|ExplicitlyDenied|Error, because[…]}

principal is an assumed-role session ARN, a role ARN, a user ARN, a service principal or
anonymous. session absent means that no session policy was passed; [] that one was, and
allows nothing. Everything in also must be allowed too: the bucket behind an access
point, the key behind an object. Nothing is filled into context.`,
		Example: `  echo '{"id":"1","principal":"arn:aws:iam::111122223333:user/a","action":"s3:GetObject","resource":"arn:aws:s3:::b/k","account":"111122223333"}' |
    managedcasd policy evaluate`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if os.Getenv("GOGC") == "" {
				// A question leaves little behind and the program is large: what a collection
				// costs is mostly the program, so it pays to have a quarter of them.
				debug.SetGCPercent(400)
			}
			return iam.AnswerLines(cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}

func policyProveCommand() *cobra.Command {
	var config, output string
	cmd := &cobra.Command{
		Use:   "prove --config FILE",
		Short: "Prove that no organization reaches another, even with one layer missing",
		Long: `Try, in the policy evaluator, everything that a session of one organization could do to
another: every action by every route, with each layer of the scheme knocked out in turn.
Exit code 1 when something gets through. It proves the documents of this configuration,
not what an account holds.`,
		Example: `  managedcasd policy prove --config managedcas.yaml`,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := needFlag(cmd, "config", config); err != nil {
				return err
			}
			cfg, err := service.ReadConfig(config)
			if err != nil {
				return err
			}
			in, err := cfg.Backend.ManagedCas.Installation()
			if err != nil {
				return err
			}
			report, err := isolation.Prove(in, isolation.Options{})
			if err != nil {
				return err
			}
			return printProof(cmd.OutOrStdout(), output, report)
		},
	}
	cmd.Flags().StringVar(&config, "config", "", "configuration file, YAML (required)")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table, or json for every attempt")
	return cmd
}
