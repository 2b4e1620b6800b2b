package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/reconcile"
	"github.com/managedcas/managedcas/internal/registry"
)

// reconcileReport is what managedcasd reconcile -o json prints.
type reconcileReport struct {
	Organizations []reconciled      `json:"organizations"`
	Orphans       []registry.Orphan `json:"orphans"`
}

// reconciled is what became of one organization.
type reconciled struct {
	Organization string   `json:"organization"`
	ID           org.ID   `json:"id"`
	Steps        []string `json:"steps"` // that were missing at first
	Done         bool     `json:"done"`
	Problem      string   `json:"problem,omitempty"` // for an operator, with the fix
	Error        string   `json:"error,omitempty"`
	unproven     bool     // its probes have not succeeded often enough yet
}

func (r *reconciled) show(steps []reconcile.Step, progress io.Writer) {
	for _, step := range steps {
		r.Steps = append(r.Steps, step.String())
		fmt.Fprintf(progress, "%s: %s\n", r.Organization, step)
	}
}

// failed sorts an outcome: what an operator has to do is no failure of this program.
func (r *reconciled) failed(err error) {
	r.Problem, r.Error = "", ""
	var reason degraded
	if beyond, ok := errors.AsType[*reconcile.BeyondRepair](err); ok {
		r.Problem = beyond.Error()
	} else if errors.As(err, &reason) {
		r.Problem = reason.Error()
	} else if err != nil {
		r.Error = err.Error()
	}
}

// left is an exit code of its own: nothing failed, and something is to be done.
type left struct{ error }

func (r reconcileReport) verdict() error {
	steps, unproven, problems, failures := 0, 0, 0, 0
	for _, o := range r.Organizations {
		switch {
		case o.Error != "":
			failures++
		case o.Problem != "":
			problems++
		case o.unproven:
			unproven++
		case !o.Done && len(o.Steps) > 0:
			steps++
		}
	}
	switch {
	case failures > 0:
		return fmt.Errorf("%d of %d organizations failed: run it again", failures, len(r.Organizations))
	case problems > 0:
		return left{fmt.Errorf("%d of %d organizations need an operator: do what is said above", problems, len(r.Organizations))}
	case unproven > 0:
		return left{fmt.Errorf("%d of %d organizations are not proven yet: a running backend goes on, or run it without --once", unproven, len(r.Organizations))}
	case steps > 0:
		return left{fmt.Errorf("%d of %d organizations differ: run it without --plan", steps, len(r.Organizations))}
	}
	return nil
}

func (r reconcileReport) print(w io.Writer, format string) error {
	if format == "json" {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	}
	if len(r.Orphans) > 0 {
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "ORPHAN\tNAME\tSEEN FOR")
		for _, o := range r.Orphans {
			fmt.Fprintf(table, "%s\t%s\t%s\n", o.Kind, o.Name, time.Since(o.FirstSeen).Round(time.Second))
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	differ := 0
	for _, o := range r.Organizations {
		if len(o.Steps) > 0 || o.Problem != "" || o.Error != "" {
			differ++
		}
	}
	_, err := fmt.Fprintf(w, "%d organizations, %d of them with something to do, %d orphans\n", len(r.Organizations), differ, len(r.Orphans))
	return err
}
