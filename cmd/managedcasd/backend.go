package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"go.opentelemetry.io/otel/trace"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/jobs"
	"github.com/managedcas/managedcas/internal/probe"
	"github.com/managedcas/managedcas/internal/reconcile"
	"github.com/managedcas/managedcas/internal/secretstore"
	"github.com/managedcas/managedcas/internal/service"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
)

func backendCommand() *cobra.Command {
	return roleCommand("backend", "Run the reconciler: access points and session policies of all organizations",
		`Run the backend. Its workload identity may create and change access points and managed
policies under the installation's prefixes, and nothing else. Any number of replicas may
run on one database.`,
		func(ctx context.Context, r role) (err error) {
			db, aws, err := r.dependencies(ctx)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, db.Close()) }()
			certificate, err := r.cfg.Backend.Certificate("backend", r.log)
			if err != nil {
				return err
			}
			listeners, err := r.cfg.Backend.Listeners("backend", service.Listen{HTTP: r.cfg.Backend.Listen.HTTP, Metrics: r.cfg.Backend.Listen.Metrics}, certificate)
			if err != nil {
				return err
			}
			store := r.cfg.SecretStore
			secrets, err := newSecretStore(store, store.Vault.Role, r.in, db, aws)
			if err != nil {
				return err
			}
			managed := r.cfg.Backend.ManagedCas
			quotas := newQuotas(aws, r.in, managed.Quotas, r.log)
			options := configured(managed)
			options.secrets, options.quotas, options.tracing = secrets, quotas, r.tracing
			reconciler, err := newBackend(aws, r.in, db, options, r.log)
			if err != nil {
				return err
			}
			purger := newPurger(aws, r.in, db, purgeEvery, r.log)
			web := service.Web(r.log, listeners, service.Health(version, map[string]service.Check{
				"database":   service.Explained(r.log, "database", db.Ping),
				"reconciler": func(context.Context) error { return reconciler.Health() },
			}, slices.Concat(aws.Collectors(), reconciler.Collectors(), certificate.Collectors(),
				[]prometheus.Collector{quotas, purger, reconcile.NewCensus(db, db.Queue(), r.log)})...))
			return service.Run(ctx, r.log,
				r.announce(listeners),
				web,
				service.Task{Name: "reconciler", Run: reconciler.Run},
				service.Task{Name: "quotas", Run: quotas.Run},
				service.Task{Name: "purge", Run: purger.Run},
			)
		})
}

type backendOptions struct {
	secrets      *secretstore.Store
	interval     time.Duration
	deepInterval time.Duration     // 0: the default
	garbage      reconcile.Garbage // deletes nothing unless enabled
	retention    *time.Duration    // of the objects of deleted organizations; nil: the default
	quotas       *reconcile.Quotas
	tracing      trace.TracerProvider // nil: off

	probeInterval, probePause time.Duration // 0: the defaults
}

// configured is what the configuration says of a reconciler, in whichever command it runs:
// what one does, such as to begin a retention, must not depend on who came first.
func configured(managed service.ManagedCas) backendOptions {
	return backendOptions{
		interval: managed.ReconcileInterval, deepInterval: managed.DeepInterval, probeInterval: managed.ProbeInterval,
		garbage: reconcile.Garbage(managed.GarbageCollection), retention: managed.Retention,
	}
}

// newBackend returns the reconciler of an installation. It probes with sessions of its
// own: each is fresh, and knows nothing of what an earlier one was let do.
func newBackend(aws *awscloud.Cloud, in tenancy.Installation, db *database.DB, options backendOptions, log *slog.Logger) (*reconcile.Reconciler, error) {
	log = log.With("part", "backend")
	sessions, err := session.New(session.Config{Installation: in, STS: aws, Secrets: options.secrets})
	if err != nil {
		return nil, err
	}
	prober := probe.New(probe.Config{
		Installation: in, Sessions: sessions, Neighbours: db,
		Open: func(s session.Session) probe.Reach { return aws.Reach(s) },
	})
	return reconcile.New(reconcile.Config{
		Installation:  in,
		AccessPoints:  aws,
		Policies:      aws,
		Roles:         aws,
		Listings:      aws,
		Memory:        db,
		Organizations: db,
		Secrets:       options.secrets,
		Jobs:          jobs.NewWorkers(db.Queue(), db, log.With("about", "jobs")),
		Quotas:        options.quotas,
		Tracing:       options.tracing,
		Interval:      options.interval,
		Standing:      db,
		Prober:        prober,
		ProbeInterval: options.probeInterval,
		ProbePause:    options.probePause,
		DeepInterval:  options.deepInterval,
		Garbage:       options.garbage,
		Retention:     options.retention,
		Log:           log,
	}), nil
}

// newQuotas returns what keeps an eye on the quotas of the account.
func newQuotas(aws *awscloud.Cloud, in tenancy.Installation, configured service.Quotas, log *slog.Logger) *reconcile.Quotas {
	return reconcile.NewQuotas(reconcile.QuotaConfig{
		Installation: in, Account: aws, AccessPoints: configured.AccessPoints, Reserve: *configured.Reserve,
		Log: log.With("part", "backend"),
	})
}
