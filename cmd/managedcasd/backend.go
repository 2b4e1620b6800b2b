package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/jobs"
	"github.com/managedcas/managedcas/internal/reconcile"
	"github.com/managedcas/managedcas/internal/secretstore"
	"github.com/managedcas/managedcas/internal/service"
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
			listeners, err := service.Listeners(service.Listen{HTTP: r.cfg.Backend.Listen.HTTP})
			if err != nil {
				return err
			}
			reconciler := newBackend(aws, r.in, db, r.cfg.Backend.ManagedCas.ReconcileInterval, r.log)
			return service.Run(ctx, r.log,
				r.announce(listeners),
				service.Task{Name: "reconciler", Run: reconciler.Run},
				service.HTTP("http", listeners.HTTP, service.Health(version, map[string]service.Check{
					"database":   db.Ping,
					"reconciler": func(context.Context) error { return reconciler.Health() },
				})),
			)
		})
}

// newBackend returns the reconciler of an installation.
func newBackend(aws *awscloud.Cloud, in tenancy.Installation, db *database.DB, interval time.Duration, log *slog.Logger) *reconcile.Reconciler {
	log = log.With("part", "backend")
	return reconcile.New(reconcile.Config{
		Installation:  in,
		AccessPoints:  aws,
		Policies:      aws,
		Roles:         aws,
		Organizations: db,
		Secrets:       secretstore.NewDatabase(db),
		Jobs:          jobs.NewWorkers(db.Queue(), db, log.With("about", "jobs")),
		Interval:      interval,
		Log:           log,
	})
}
