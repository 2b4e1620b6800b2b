package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/service"
)

func auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Verify the audit log in the database",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(auditVerifyCommand())
	return cmd
}

// verifiedChain is what was found of one chain.
type verifiedChain struct {
	Chain   audit.Chain `json:"chain"`
	Records int64       `json:"records"`
	Head    string      `json:"head"`
	Broken  string      `json:"broken,omitempty"`
}

func auditVerifyCommand() *cobra.Command {
	var config, output string
	var heads []string
	cmd := &cobra.Command{
		Use:   "verify --config FILE [--head CHAIN:SEQ:HASH]...",
		Short: "Recompute every chain, and name the first record of each that is broken",
		Long: `Read the audit log from the database, recompute the hashes of every chain, and compare
heads that were kept elsewhere with --head: CHAIN is the id of an organization, or
installation. Without one, whoever may write to the database may have written a chain anew,
or cut it off at its end. It may run beside the servers, and needs no AWS credentials.

Exit code 0: all chains are whole. 1: one is not.`,
		Example: `  managedcasd audit verify --config managedcas.yaml
  managedcasd audit verify --config managedcas.yaml --head installation:1500:3f1c…`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := needFlag(cmd, "config", config); err != nil {
				return err
			}
			if output != "table" && output != "json" {
				return usageError{fmt.Errorf("unknown output format %q: use table or json", output)}
			}
			kept, err := keptHeads(heads)
			if err != nil {
				return err
			}
			cfg, err := service.ReadConfig(config)
			if err != nil {
				return err
			}
			db, err := openDatabase(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, db.Close()) }()
			results, err := verifyChains(cmd.Context(), db, kept)
			if err != nil {
				return err
			}
			if err := printChains(cmd.OutOrStdout(), output, results); err != nil {
				return err
			}
			return brokenChains(results)
		},
	}
	cmd.Flags().StringVar(&config, "config", "", "configuration file, YAML (required)")
	cmd.Flags().StringArrayVar(&heads, "head", nil, "a head that was kept, CHAIN:SEQ:HASH; may be given again")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	return cmd
}

func keptHeads(texts []string) (map[audit.Chain][]audit.Head, error) {
	kept := map[audit.Chain][]audit.Head{}
	for _, text := range texts {
		chain, rest, _ := strings.Cut(text, ":")
		head, err := audit.ParseHead(rest)
		if err != nil {
			return nil, usageError{fmt.Errorf("--head %s: %w, with the chain and a colon before it", text, err)}
		}
		if _, err := org.ParseID(chain); err != nil && audit.Chain(chain) != audit.Installation {
			return nil, usageError{fmt.Errorf("--head %s: %q is no chain: use the id of an organization, as organization list shows it, or %s", text, chain, audit.Installation)}
		}
		kept[audit.Chain(chain)] = append(kept[audit.Chain(chain)], head)
	}
	return kept, nil
}

// The sizes of what is read at once.
const (
	chainsAtOnce  = 100
	recordsAtOnce = 1000
)

func verifyChains(ctx context.Context, db *database.DB, kept map[audit.Chain][]audit.Head) ([]verifiedChain, error) {
	results := []verifiedChain{}
	seen := map[audit.Chain]bool{}
	for after := audit.Chain(""); ; {
		chains, err := db.AuditChains(ctx, after, chainsAtOnce)
		if err != nil {
			return results, err
		}
		for _, chain := range chains {
			result, err := verifyChain(ctx, db, chain, kept[chain])
			if err != nil {
				return results, err
			}
			results, seen[chain], after = append(results, result), true, chain
		}
		if len(chains) < chainsAtOnce {
			break
		}
	}
	for _, chain := range slices.Sorted(maps.Keys(kept)) {
		if !seen[chain] {
			results = append(results, verifiedChain{Chain: chain, Head: "-", Broken: "there is no such chain, of which a head was kept"})
		}
	}
	return results, nil
}

// verifyChain reads all of a chain, which may grow meanwhile. The head that the database
// keeps of it counts as one that was kept.
func verifyChain(ctx context.Context, db *database.DB, chain audit.Chain, kept []audit.Head) (verifiedChain, error) {
	head, err := db.AuditHead(ctx, chain)
	if err != nil {
		return verifiedChain{}, err
	}
	v := audit.NewVerifier(chain, audit.Begin(chain))
	broken := func(err error) (verifiedChain, error) {
		result := verifiedChain{Chain: chain, Records: v.Head().Seq, Head: v.Head().String()}
		if err != nil {
			result.Broken = err.Error()
		}
		return result, nil
	}
	for {
		first := v.Head().Seq + 1
		records, err := db.AuditRecords(ctx, chain, first, math.MaxInt64, audit.Query{Limit: recordsAtOnce})
		if err != nil {
			return verifiedChain{}, err
		}
		for _, r := range records {
			if err := v.Next(r); err != nil {
				return broken(err)
			}
			for _, k := range append(kept, head) {
				if err := v.Passes(k); err != nil {
					return broken(err)
				}
			}
		}
		if len(records) < recordsAtOnce {
			break
		}
	}
	for _, k := range append(kept, head) {
		if err := v.Ends(k); err != nil {
			return broken(err)
		}
	}
	if head, err = db.AuditHead(ctx, chain); err != nil {
		return verifiedChain{}, err
	}
	if last := v.Head().Seq; head.Seq < last {
		return broken(&audit.Broken{Chain: chain, Seq: head.Seq + 1, Why: fmt.Sprintf("it is behind the head of the chain, which is %d", head.Seq)})
	}
	return broken(nil)
}

func printChains(w io.Writer, output string, results []verifiedChain) error {
	if output == "json" {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(results)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "CHAIN\tRECORDS\tHEAD\tRESULT")
	for _, r := range results {
		said := "whole"
		if r.Broken != "" {
			said = r.Broken
		}
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\n", audit.Clean(string(r.Chain)), r.Records, r.Head, said)
	}
	return table.Flush()
}

func brokenChains(results []verifiedChain) error {
	n := 0
	for _, r := range results {
		if r.Broken != "" {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d chains are broken: compare them with what a sink has, and find out who may write to the database", n, len(results))
}
