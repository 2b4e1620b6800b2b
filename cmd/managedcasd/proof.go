package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/managedcas/managedcas/internal/isolation"
)

// errNotIsolated ends a proof that found a way through.
var errNotIsolated = errors.New("the policies do not isolate organizations from each other")

// printProof writes what a proof tried and found, and fails if something got through.
func printProof(w io.Writer, format string, report isolation.Report) error {
	switch format {
	case "json":
		encoder := json.NewEncoder(w)
		for _, row := range report.Rows {
			if err := encoder.Encode(row); err != nil {
				return err
			}
		}
	case "table":
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "MISSING LAYER\tATTEMPTS\tHELD")
		for _, t := range report.Tallies() {
			fmt.Fprintf(table, "%s\t%d\t%d\n", t.Missing, t.Attempts, t.Held)
		}
		if err := table.Flush(); err != nil {
			return err
		}
		for _, row := range report.Failures() {
			fmt.Fprintf(w, "NOT HELD  without %s: %s does %s by %s on %s: %s\n", row.Missing,
				row.Attempt.Actor, row.Attempt.Action, row.Attempt.Route, row.Attempt.Target, row.Decision.Because[0].Text)
		}
	default:
		return usageError{fmt.Errorf("unknown output format %q: use table or json", format)}
	}
	if len(report.Failures()) > 0 {
		return errNotIsolated
	}
	return nil
}
