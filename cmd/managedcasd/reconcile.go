package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/reconcile"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/service"
)

// reconcileOptions are the flags of managedcasd reconcile.
type reconcileOptions struct {
	config, org, output               string
	plan, once, recreate, acceptCount bool
}

func reconcileCommand() *cobra.Command {
	var o reconcileOptions
	cmd := &cobra.Command{
		Use:   "reconcile --config FILE [--org NAME|UUID] [--plan]",
		Short: "Show what is missing in AWS, and repair it",
		Long: `Read everything of every organization deeply, print the steps that are missing, and take
them. It needs the AWS credentials of the backend, and may run beside it: both observe
before each change and after it, every step may be repeated, and of two that do the same
the second finds nothing to do. What belongs to no organization is printed with its age.
How far it is goes to standard error once a second.

--plan changes no organization; the database gets the schema of this version, as at every
start. --recreate deletes the access point of one organization that is not
what it should be, whoever made it, and makes it anew; objects stay. Organizations that
fail are tried five times, with --once once. --accept-count says that it is right when the
database has fewer organizations than before: garbage is collected again.

Exit codes: 0 nothing is left to do, 1 something failed, 2 wrong usage, 3 something is left:
steps with --plan, probes with --once, or what needs an operator.`,
		Example: `  managedcasd reconcile --config managedcas.yaml --plan
  managedcasd reconcile --config managedcas.yaml --org acme --recreate`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVar(&o.config, "config", "", "configuration file, YAML (required)")
	cmd.Flags().StringVar(&o.org, "org", "", "name or id of one organization; default: all")
	cmd.Flags().BoolVar(&o.plan, "plan", false, "print what is missing, and do nothing")
	cmd.Flags().BoolVar(&o.once, "once", false, "try each organization once")
	cmd.Flags().BoolVar(&o.recreate, "recreate", false, "delete an access point that cannot be repaired; needs --org")
	cmd.Flags().BoolVar(&o.acceptCount, "accept-count", false, "the database has as many organizations as it should have")
	cmd.Flags().StringVarP(&o.output, "output", "o", "table", "table or json")
	return cmd
}

func (o reconcileOptions) check(cmd *cobra.Command) error {
	switch {
	case o.output != "table" && o.output != "json":
		return usageError{fmt.Errorf("unknown output format %q: use table or json", o.output)}
	case o.recreate && o.org == "":
		return usageError{errors.New("--recreate deletes an access point: name the organization with --org")}
	case o.plan && o.acceptCount:
		return usageError{errors.New("--plan changes nothing, and --accept-count does: use one of them")}
	}
	return needFlag(cmd, "config", o.config)
}

func (o reconcileOptions) run(ctx context.Context, stdout, stderr io.Writer) (err error) {
	cfg, err := service.ReadConfig(o.config)
	if err != nil {
		return err
	}
	in, err := cfg.Backend.ManagedCas.Installation()
	if err != nil {
		return err
	}
	r := role{cfg: cfg, in: in, log: cfg.Log.Logger(stderr)}
	db, aws, err := r.dependencies(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := needCredentials(ctx, aws, "the backend"); err != nil {
		return err
	}
	secrets, err := newSecretStore(cfg.SecretStore, cfg.SecretStore.Vault.Role, in, db, aws)
	if err != nil {
		return err
	}
	quotas := newQuotas(aws, in, cfg.Backend.ManagedCas.Quotas, r.log)
	if err := quotas.Refresh(ctx); err != nil {
		return fmt.Errorf("reading the quotas of the account: %w", err)
	}
	options := configured(cfg.Backend.ManagedCas)
	options.secrets, options.quotas = secrets, quotas
	reconciler, err := newBackend(aws, in, db, options, r.log)
	if err != nil {
		return err
	}
	if o.acceptCount {
		if err := reconciler.AcceptCount(ctx); err != nil {
			return err
		}
	}
	organizations, err := organizationsToReconcile(ctx, db, o.org)
	if err != nil {
		return err
	}
	report, err := o.all(ctx, reconciling{reconciler, db, quotas}, organizations, stdout, stderr)
	if err != nil {
		return err
	}
	return errors.Join(report.print(stdout, o.output), report.verdict())
}

// all reconciles organizations one after the other, and with all of them looks for orphans.
func (o reconcileOptions) all(ctx context.Context, r reconciling, organizations []org.Organization, stdout, stderr io.Writer) (reconcileReport, error) {
	progress := stdout
	if o.output == "json" {
		progress = stderr
	}
	report := reconcileReport{Organizations: []reconciled{}, Orphans: []registry.Orphan{}}
	said := time.Now()
	for i, each := range organizations {
		if time.Since(said) > progressEvery {
			said = time.Now()
			fmt.Fprintf(stderr, "%d of %d organizations\n", i, len(organizations))
		}
		report.Organizations = append(report.Organizations, o.one(ctx, r, each, progress))
		if ctx.Err() != nil {
			return report, ctx.Err()
		}
	}
	if o.org != "" {
		return report, nil
	}
	orphans, err := r.Orphans(ctx)
	report.Orphans = append(report.Orphans, orphans...) // [] where there are none, not null
	return report, err
}

// progressEvery is how long nothing is said while all is as it should be.
const progressEvery = time.Second

// one prints what an organization lacks and, unless only the plan is wanted, does it.
func (o reconcileOptions) one(ctx context.Context, r reconciling, each org.Organization, progress io.Writer) reconciled {
	result := reconciled{Organization: string(each.Name), ID: each.ID, Steps: []string{}}
	plan := r.Plan
	if o.recreate {
		plan = r.PlanAnew
	}
	tries := 5
	if o.once || o.plan {
		tries = 1
	}
	for try := 1; ; try++ {
		steps, err := plan(ctx, each)
		if try == 1 {
			result.show(steps, progress)
		}
		switch {
		case err == nil && o.plan:
			err = r.quotas.Room(steps)
		case err == nil:
			result.unproven, err = o.apply(ctx, r, each)
		}
		if result.failed(err); result.Error == "" || try == tries {
			break
		}
		fmt.Fprintf(progress, "%s: %v; trying again\n", each.Name, err)
		select {
		case <-ctx.Done():
			return result
		case <-time.After(time.Second << try):
		}
	}
	result.Done = !o.plan && !result.unproven && result.Error == "" && result.Problem == ""
	if text := cmp.Or(result.Problem, result.Error); text != "" {
		fmt.Fprintf(progress, "%s: %s\n", each.Name, text)
	}
	return result
}

// reconciling is what an organization is reconciled with.
type reconciling struct {
	*reconcile.Reconciler
	db     *database.DB
	quotas *reconcile.Quotas
}

// apply reconciles. An organization that was found beyond repair, or that the account has
// no room for, or that is degraded for another reason that only an operator can end, is an
// error here. With --once it may be left unproven: a running backend goes on from there.
func (o reconcileOptions) apply(ctx context.Context, r reconciling, each org.Organization) (unproven bool, err error) {
	do := func() error { return r.Reconcile(ctx, each.ID) }
	if o.recreate {
		do = func() error { return r.Recreate(ctx, each) }
	}
	if proven, err := o.proven(ctx, do); err != nil || !proven {
		return err == nil, err
	}
	rest, err := r.Plan(ctx, each)
	if err != nil {
		return false, err
	}
	if err := r.quotas.Room(rest); err != nil {
		return false, err
	}
	now, err := r.db.OrganizationByID(ctx, each.ID)
	switch {
	case err != nil:
		return false, err
	case now.State == org.Degraded:
		return false, degraded(now.Reason)
	case len(rest) > 0:
		return false, fmt.Errorf("still to do: %s", rest[0])
	}
	return false, nil
}

// degraded is why an organization needs an operator: no room, or probes that fail.
type degraded string

func (d degraded) Error() string { return string(d) }

// proven does it until the organization's probes have succeeded often enough, with --once
// only as far as it gets at once.
func (o reconcileOptions) proven(ctx context.Context, do func() error) (proven bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, probePatience)
	defer cancel()
	for {
		err := do()
		again, ok := errors.AsType[*reconcile.Again](err)
		switch {
		case !ok:
			return err == nil, err
		case o.once:
			return false, nil
		}
		select {
		case <-ctx.Done():
			return false, fmt.Errorf("its probes have not succeeded within %s", probePatience)
		case <-time.After(again.After):
		}
	}
}

// probePatience is longer than a change takes to arrive everywhere in AWS, and than the
// reconciler gives probes before an organization counts as degraded.
const probePatience = 3 * time.Minute

// organizationsToReconcile are the one that is named, or all that are not deleted.
func organizationsToReconcile(ctx context.Context, db *database.DB, name string) ([]org.Organization, error) {
	if name != "" {
		return organizationsToRebuild(ctx, db, name)
	}
	var all []org.Organization
	for after := (org.ID{}); ; after = all[len(all)-1].ID {
		page, err := db.OrganizationsToReconcile(ctx, after, 500)
		if err != nil || len(page) == 0 {
			return all, err
		}
		all = append(all, page...)
	}
}
