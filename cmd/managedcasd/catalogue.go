package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/catalogue"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/secretstore"
	"github.com/managedcas/managedcas/internal/service"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
)

func catalogueCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "catalogue",
		Short: "Repair the list of what organizations have stored",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(catalogueRebuildCommand())
	return cmd
}

// rebuilt is what became of one organization.
type rebuilt struct {
	Organization string `json:"organization"`
	ID           org.ID `json:"id"`
	catalogue.Tally
	Error string `json:"error,omitempty"`
}

func catalogueRebuildCommand() *cobra.Command {
	var config, name, output string
	var plan bool
	cmd := &cobra.Command{
		Use:   "rebuild --config FILE [--org NAME|UUID] [--plan]",
		Short: "Add the entries that the catalogue lacks, from the objects in S3",
		Long: `List the objects of every organization through its own session, and add entries for those
that the catalogue in the database lacks: after a crash, a restored database, or when
managedcas_catalogue_dropped_total has counted something. Entries that are there stay as
they are. It may run beside the servers, and again; progress goes to standard error.

It needs the AWS credentials of the cas workload, and makes one request to S3 for every
1,000 objects and one for every entry that is missing. --plan only counts them.`,
		Example: `  managedcasd catalogue rebuild --config managedcas.yaml --plan
  managedcasd catalogue rebuild --config managedcas.yaml --org acme -o json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := needFlag(cmd, "config", config); err != nil {
				return err
			}
			if output != "table" && output != "json" {
				return usageError{fmt.Errorf("unknown output format %q: use table or json", output)}
			}
			cfg, err := service.ReadConfig(config)
			if err != nil {
				return err
			}
			in, err := cfg.Backend.ManagedCas.Installation()
			if err != nil {
				return err
			}
			r := role{cfg: cfg, in: in, log: cfg.Log.Logger(cmd.ErrOrStderr())}
			db, aws, err := r.dependencies(cmd.Context())
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, db.Close()) }()
			secrets, err := newSecretStore(cfg.SecretStore, cfg.SecretStore.Vault.CASRole, in, db, aws)
			if err != nil {
				return err
			}
			store, err := storeToList(aws, in, db, secrets)
			if err != nil {
				return err
			}
			organizations, err := organizationsToRebuild(cmd.Context(), db, name)
			if err != nil {
				return err
			}
			rebuilder := catalogue.Rebuilder{Entries: db, Objects: store, Plan: plan}
			results, err := rebuild(cmd.Context(), rebuilder, organizations, cmd.ErrOrStderr())
			return errors.Join(printRebuilt(cmd.OutOrStdout(), output, results), err)
		},
	}
	cmd.Flags().StringVar(&config, "config", "", "configuration file, YAML (required)")
	cmd.Flags().StringVar(&name, "org", "", "name or id of one organization; default: all")
	cmd.Flags().BoolVar(&plan, "plan", false, "count what is missing, and do nothing")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	return cmd
}

// storeToList is the data path without its servers.
func storeToList(aws *awscloud.Cloud, in tenancy.Installation, db *database.DB, secrets *secretstore.Store) (*cas.Store, error) {
	sessions, err := session.New(session.Config{
		Installation: in, STS: aws, Secrets: secrets, Reuse: service.DefaultSessionReuse,
	})
	if err != nil {
		return nil, err
	}
	return cas.New(cas.Config{
		Sessions: sessions, Ledger: db, Open: func(s session.Session) cas.Objects { return aws.Objects(s) },
	})
}

// organizationsToRebuild are those that have storage: the one that is named, or all.
func organizationsToRebuild(ctx context.Context, db *database.DB, name string) ([]org.Organization, error) {
	if name != "" {
		if id, err := org.ParseID(name); err == nil {
			o, err := db.OrganizationByID(ctx, id)
			return []org.Organization{o}, orNone(name, err)
		}
		parsed, err := org.ParseName(name)
		if err != nil {
			return nil, usageError{fmt.Errorf("--org %q is neither the name nor the id of an organization", name)}
		}
		o, err := db.OrganizationByName(ctx, parsed)
		return []org.Organization{o}, orNone(name, err)
	}
	const pageSize = 100
	var all []org.Organization
	for after := (org.ID{}); ; {
		page, err := db.OrganizationsToReconcile(ctx, after, pageSize, org.Ready, org.Degraded)
		if err != nil {
			return nil, err
		}
		if all = append(all, page...); len(page) < pageSize {
			return all, nil
		}
		after = page[len(page)-1].ID
	}
}

// orNone says of an organization that is not found where there is one.
func orNone(name string, err error) error {
	if errors.Is(err, registry.ErrNotFound) {
		return usageError{fmt.Errorf("--org %s: there is no such organization: see managedcas organization list", name)}
	}
	return err
}

// rebuild goes through all organizations; one that fails does not keep the others waiting.
func rebuild(ctx context.Context, r catalogue.Rebuilder, organizations []org.Organization, progress io.Writer) ([]rebuilt, error) {
	results := []rebuilt{}
	failed := 0
	for _, o := range organizations {
		r.Progress = func(t catalogue.Tally) {
			fmt.Fprintf(progress, "%s: %d stored, %d missing, %d added\n", o.Name, t.Stored, t.Missing, t.Added)
		}
		tally, err := r.Rebuild(ctx, o.ID)
		result := rebuilt{Organization: string(o.Name), ID: o.ID, Tally: tally}
		if err != nil {
			failed++
			result.Error = err.Error()
			fmt.Fprintf(progress, "%s: %v\n", o.Name, err)
		}
		results = append(results, result)
		if ctx.Err() != nil {
			return results, ctx.Err()
		}
	}
	if failed > 0 {
		return results, fmt.Errorf("%d of %d organizations could not be finished: run it again", failed, len(organizations))
	}
	return results, nil
}

func printRebuilt(w io.Writer, format string, results []rebuilt) error {
	if format == "json" {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(results)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ORGANIZATION\tSTORED\tMISSING\tADDED\tFOREIGN")
	for _, r := range results {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\n", r.Organization, r.Stored, r.Missing, r.Added, r.Foreign)
	}
	return table.Flush()
}
