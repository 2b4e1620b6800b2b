package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"github.com/managedcas/managedcas/internal/auditlog"
	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/controlplane"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/service"
)

func controlplaneCommand() *cobra.Command {
	return roleCommand("controlplane", "Run the API: organizations, storage backends, tokens",
		`Run the control plane. It calls no AWS API itself: it writes organizations to the
database, where the backend finds them, and issues the tokens that the CAS accepts.
Make the first token with managedcasd token.`,
		func(ctx context.Context, r role) (err error) {
			db, err := openDatabase(ctx, r.cfg)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, db.Close()) }()
			listeners, err := service.Listeners(r.cfg.Controlplane.Listen)
			if err != nil {
				return err
			}
			sinks, err := newAuditSinks(ctx, r.cfg.Audit, db, r.log)
			if err != nil {
				return err
			}
			servers, err := newControlplane(ctx, db, controlplaneOptions{
				maxArtifactBytes: r.cfg.CAS.MaxArtifactBytes, metrics: []prometheus.Collector{sinks},
			}, r.log)
			if err != nil {
				return err
			}
			stop := service.Background(ctx, r.log, servers.tasks...)
			defer func() { err = errors.Join(err, stop()) }()
			return service.Run(ctx, r.log,
				r.announce(listeners),
				service.GRPC("grpc", listeners.GRPC, servers.grpc),
				service.HTTP("http", listeners.HTTP, servers.http),
				service.Task{Name: "audit sinks", Run: sinks.Run},
			)
		})
}

type controlplaneOptions struct {
	maxArtifactBytes int64
	metrics          []prometheus.Collector // of others in the process, shown with its own
}

type controlplaneServers struct {
	grpc   *grpc.Server
	http   http.Handler
	tokens *auth.Tokens
	keys   auth.Keys // of CAS tokens
	// tasks outlive the servers: they write down what was refused.
	tasks []service.Task
}

// newControlplane puts the control plane together on a database.
func newControlplane(ctx context.Context, db *database.DB, options controlplaneOptions, log *slog.Logger) (controlplaneServers, error) {
	log = log.With("part", "controlplane")
	tokens, err := newTokens(ctx, db, log)
	if err != nil {
		return controlplaneServers{}, err
	}
	keys, err := auth.OpenKeyRing(ctx, db, registry.KeyUseCAS)
	if err != nil {
		return controlplaneServers{}, err
	}
	signer, err := auth.NewCASSigner(keys, auth.DefaultCASLifetime)
	if err != nil {
		return controlplaneServers{}, err
	}
	records := auditlog.New(auditlog.Config{Store: db, Log: log})
	api := controlplane.New(controlplane.Config{
		Store: db, Tokens: tokens, Signer: signer, Keys: keys, Audit: records, Log: log,
		Version:          version,
		MaxArtifactBytes: options.maxArtifactBytes,
	})
	calls := service.NewCallMetrics()
	server := service.NewGRPC(log, append(calls.ServerOptions(), api.ServerOptions()...)...)
	api.Register(server)
	mux := http.NewServeMux()
	mux.Handle("/", api.HTTPHandler())
	mux.Handle("GET /metrics", service.Metrics(append(slices.Concat(options.metrics, auditlog.Collectors(records.Stats)), calls)...))
	return controlplaneServers{
		grpc: server, http: mux, tokens: tokens, keys: keys,
		tasks: []service.Task{{Name: "audit", Run: records.Run}},
	}, nil
}

func newTokens(ctx context.Context, db *database.DB, log *slog.Logger) (*auth.Tokens, error) {
	ring, err := auth.OpenKeyRing(ctx, db, registry.KeyUseAPI)
	if err != nil {
		return nil, err
	}
	return auth.NewTokens(db, db, ring, log), nil
}
