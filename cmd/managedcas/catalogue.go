package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/client"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/problem"
)

// The bounds of what one command asks for.
const (
	defaultListed = 50
	maxListed     = 10_000
	maxAsked      = 100_000
)

func artifactList(a *app) *cobra.Command {
	var limit int
	var all bool
	cmd := &cobra.Command{
		Use:     "list [--limit N|--all]",
		Aliases: []string{"ls"},
		Short:   "List the artifacts of the organization, the newest first",
		Long: `List the artifacts of the organization, the newest first. The control plane answers from
its catalogue: what was uploaded a moment ago may be missing for that moment.`,
		Example: `  managedcas --org acme artifact list --limit 10
  managedcas --org acme artifact list --all -o json | jq -r .[].digest`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case all && cmd.Flags().Changed("limit"):
				return problem.New(problem.Invalid, "--limit and --all exclude each other", "give one of them")
			case limit < 1 || limit > maxListed:
				return problem.New(problem.Invalid, fmt.Sprintf("--limit %d is out of range", limit), fmt.Sprintf("use 1 to %d, or --all", maxListed))
			case all:
				limit = 0
			}
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error {
				entries, err := c.Artifacts(ctx, limit)
				if err != nil {
					return err
				}
				var rows [][]string
				for _, e := range entries {
					uploader, _, _ := strings.Cut(e.Uploader, "/") // its id is for -o json
					rows = append(rows, []string{e.Digest.String(), size(e.Size), timestamp(e.StoredAt), uploader, e.MediaType, e.FileName})
				}
				return a.print(entries, []string{"DIGEST", "SIZE", "STORED", "UPLOADER", "MEDIA TYPE", "NAME"}, rows)
			})
		},
	}
	cmd.Flags().IntVar(&limit, "limit", defaultListed, "how many to list, 1 to 10,000")
	cmd.Flags().BoolVar(&all, "all", false, "list all of them")
	return cmd
}

func artifactMissing(a *app) *cobra.Command {
	var stdin bool
	cmd := &cobra.Command{
		Use:   "missing DIGEST...|--stdin",
		Short: "Tell which of many artifacts the organization does not have",
		Long: `Print the digests that the organization does not have, one per line, and nothing for those
that it has. What is not printed is stored. What is printed may have been uploaded a moment
ago: uploading it again is always right. --stdin reads lines that begin with a digest, with
or without sha256:, as sha256sum writes them; at most 100,000.

Exit code 0: none is missing. 6: some are.`,
		Example: `  managedcas --org acme artifact missing sha256:…
  managedcas --org acme artifact missing --stdin <SHA256SUMS`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if stdin == (len(args) > 0) {
				return problem.New(problem.Invalid, "give digests, or --stdin", "see "+cmd.CommandPath()+" --help")
			}
			digests, err := askedFor(args)
			if stdin {
				digests, err = readDigests(cmd.InOrStdin())
			}
			if err != nil {
				return err
			}
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error {
				missing, err := c.Missing(ctx, digests)
				if err != nil {
					return err
				}
				if err := a.printDigests(missing); err != nil || len(missing) == 0 {
					return err
				}
				return problem.New(problem.NotFound, fmt.Sprintf("%d of %d artifacts are missing", len(missing), len(digests)), "upload them")
			})
		},
	}
	cmd.Flags().BoolVar(&stdin, "stdin", false, "read digests from standard input")
	return cmd
}

// printDigests writes one per line, without a header: it is for scripts.
func (a *app) printDigests(digests []digest.Digest) error {
	if a.output == "json" {
		return a.print(digests, nil, nil)
	}
	for _, d := range digests {
		if _, err := fmt.Fprintln(a.stdout, d); err != nil {
			return err
		}
	}
	return nil
}

func askedFor(args []string) ([]digest.Digest, error) {
	digests := make([]digest.Digest, len(args))
	for i, text := range args {
		var err error
		if digests[i], err = digest.Parse(text); err != nil {
			return nil, cas.Problem(err)
		}
	}
	return digests, nil
}

// quoted is a line, or how it begins.
func quoted(line string) string {
	const shown = 80
	if len(line) > shown {
		return strconv.Quote(strings.ToValidUTF8(line[:shown], "")) + "…"
	}
	return strconv.Quote(line)
}

// readDigests reads the first word of every line; empty lines do not count.
func readDigests(r io.Reader) ([]digest.Digest, error) {
	var digests []digest.Digest
	lines := bufio.NewScanner(r)
	number := 0
	for lines.Scan() {
		number++
		words := strings.Fields(lines.Text())
		if len(words) == 0 {
			continue
		}
		if len(digests) == maxAsked {
			return nil, problem.New(problem.Invalid, fmt.Sprintf("more than %d digests", maxAsked), "ask for fewer at a time")
		}
		// sha256sum marks a name that it had to escape with a backslash before the sum.
		text := strings.TrimPrefix(strings.TrimPrefix(words[0], `\`), digest.Prefix)
		d, err := digest.ParseHex(text)
		if err != nil {
			p := problem.From(cas.Problem(err))
			return nil, problem.Wrap(err, p.Kind(), fmt.Sprintf("line %d, %s: %s", number, quoted(lines.Text()), p.Message()), p.Hint())
		}
		digests = append(digests, d)
	}
	if err := lines.Err(); err != nil {
		return nil, problem.Wrap(err, problem.Invalid, fmt.Sprintf("standard input cannot be read behind line %d", number), "send lines that begin with a digest")
	}
	if len(digests) == 0 {
		return nil, problem.New(problem.Invalid, "standard input has no digest", "send lines that begin with one, as sha256sum writes them; did that program fail?")
	}
	return digests, nil
}
