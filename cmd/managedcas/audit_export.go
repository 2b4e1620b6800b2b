package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/client"
	"github.com/managedcas/managedcas/internal/problem"
)

func auditExport(a *app) *cobra.Command {
	var after int64
	cmd := &cobra.Command{
		Use:   "export [--after SEQ]",
		Short: "Write all audit records as JSON lines that can be verified",
		Long: `Write the whole chain of the organization (of the installation, if an instance token names
none) in its order, one line of JSON for each record, to standard output. The head, SEQ:HASH,
goes to standard error: keep it away from the database, and audit verify --head finds what was
changed or cut off since. --after goes on behind an earlier export.`,
		Example: `  managedcas --org acme audit export | gzip >acme.jsonl.gz
  managedcas --org acme audit export --after 1500 | gzip >>acme.jsonl.gz`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if after < 0 {
				return problem.New(problem.Invalid, fmt.Sprintf("--after %d is out of range", after), "use the number of the last record that was exported")
			}
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error {
				var head audit.Head
				_, err := c.Audit(ctx, client.AuditQuery{After: after}, func(r audit.Record) error {
					head = r.Head()
					return a.printLine(r)
				})
				if err == nil && head.Seq > 0 {
					a.tell("head " + head.String())
				}
				return err
			})
		},
	}
	cmd.Flags().Int64Var(&after, "after", 0, "number of the last record that was exported before")
	return cmd
}

func auditHead(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "head",
		Short:   "Print the head of the chain, SEQ:HASH, to be kept elsewhere",
		Example: `  managedcas --org acme audit head | tee -a heads-of-acme`,
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error {
				chain, head, err := c.AuditHead(ctx)
				if err != nil {
					return err
				}
				if a.output == "json" {
					return a.print(verified{Chain: chain, Records: head.Seq, Head: head.String()}, nil, nil)
				}
				_, err = fmt.Fprintln(a.stdout, head)
				return err
			})
		},
	}
}

// verified is what a verification found.
type verified struct {
	Chain   audit.Chain `json:"chain"`
	Records int64       `json:"records"`
	Head    string      `json:"head"`
}

func auditVerify(a *app) *cobra.Command {
	var after, kept string
	cmd := &cobra.Command{
		Use:   "verify FILE|- [--head SEQ:HASH] [--after SEQ:HASH]",
		Short: "Recompute the chain of an export, offline",
		Long: `Read the lines of an export, recompute their hashes, and name the first line that is not
what it was or not at its place. --head is a head that was kept: that the chain still leads to
it is what shows that nothing was written anew or cut off at the end. --after is the head of
the part before, for an export that does not begin with record 1.

Exit code 0: the chain is whole. 13: it is not.`,
		Example: `  managedcas audit verify acme.jsonl --head 1500:3f1c…
  managedcas --org acme audit export | managedcas audit verify -`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return problem.New(problem.Invalid, "exactly one file is needed", "name it, or - for standard input")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			input := cmd.InOrStdin()
			if args[0] != "-" {
				file, err := os.Open(args[0])
				if err != nil {
					return problem.Wrap(err, problem.Invalid, "the file cannot be read: "+err.Error(), "name one that audit export wrote")
				}
				defer file.Close()
				input = file
			}
			result, err := verifyLines(input, after, kept)
			if err != nil {
				return err
			}
			return a.print(result, []string{"CHAIN", "RECORDS", "HEAD"},
				[][]string{{string(result.Chain), fmt.Sprint(result.Records), result.Head}})
		},
	}
	cmd.Flags().StringVar(&after, "after", "", "head of the part before")
	cmd.Flags().StringVar(&kept, "head", "", "a head that was kept")
	return cmd
}

// headFlag reads SEQ:HASH; nil when there is none.
func headFlag(name, text string) (*audit.Head, error) {
	if text == "" {
		return nil, nil
	}
	head, err := audit.ParseHead(text)
	if err != nil {
		return nil, problem.Wrap(err, problem.Invalid, "--"+name+": "+err.Error(), "audit export and audit head print one")
	}
	return &head, nil
}

func verifyLines(input io.Reader, afterText, keptText string) (verified, error) {
	after, err := headFlag("after", afterText)
	if err != nil {
		return verified{}, err
	}
	kept, err := headFlag("head", keptText)
	if err != nil {
		return verified{}, err
	}
	lines := bufio.NewScanner(input)
	lines.Buffer(nil, audit.MaxLine)
	var result verified
	var v *audit.Verifier
	for lines.Scan() {
		record, err := audit.ParseLine(lines.Bytes())
		if err != nil {
			return result, brokenLine(result.Records+1, err)
		}
		if v == nil {
			from := audit.Begin(record.Chain)
			if after != nil {
				from = *after
			}
			v = audit.NewVerifier(record.Chain, from)
			result.Chain = record.Chain
		}
		if err := v.Next(record); err != nil {
			return result, brokenLine(result.Records+1, err)
		}
		if kept != nil {
			if err := v.Passes(*kept); err != nil {
				return result, brokenLine(result.Records+1, err)
			}
		}
		result.Records++
	}
	if err := lines.Err(); err != nil {
		return result, problem.Wrap(err, problem.Invalid, fmt.Sprintf("line %d cannot be read: %v", result.Records+1, err), "give what audit export wrote")
	}
	if v == nil {
		return result, problem.New(problem.Invalid, "there is no record", "give what audit export wrote; did that program fail?")
	}
	if kept != nil {
		if err := v.Ends(*kept); err != nil {
			return result, brokenLine(result.Records+1, err)
		}
	}
	result.Head = v.Head().String()
	return result, nil
}

func brokenLine(line int64, err error) error {
	return problem.Wrap(err, problem.Corrupt, fmt.Sprintf("line %d: %v", line, err), "compare it with what a sink has, and find out who may write to the database or the file")
}
