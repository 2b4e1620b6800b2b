package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/controlplane"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/service"
	"github.com/managedcas/managedcas/internal/webui"
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
			certificate, err := r.cfg.Controlplane.Certificate("controlplane", r.log)
			if err != nil {
				return err
			}
			listeners, err := r.cfg.Controlplane.Listeners("controlplane", r.cfg.Controlplane.Listen, certificate)
			if err != nil {
				return err
			}
			servers, err := newControlplane(ctx, db, controlplaneOptions{
				maxArtifactBytes: r.cfg.CAS.MaxArtifactBytes, limits: r.cfg.Controlplane.Limits.Limits(), metrics: certificate.Collectors(),
				tls: certificate != nil,
			}, r.log)
			if err != nil {
				return err
			}
			return service.Run(ctx, r.log,
				r.announce(listeners),
				service.GRPC("grpc", listeners.GRPC, servers.grpc),
				service.GRPC("pages", servers.pages, servers.grpc),
				service.HTTP("http", listeners.HTTP, servers.http),
				service.Task{Name: "keys", Run: auth.Rotation{Rings: servers.rings, Age: r.cfg.Controlplane.KeyRotation, Log: r.log}.Run},
			)
		})
}

type controlplaneOptions struct {
	maxArtifactBytes int64
	limits           controlplane.Limits    // what is zero has its default
	tls              bool                   // browsers speak it
	metrics          []prometheus.Collector // of others in the process, shown with its own
}

type controlplaneServers struct {
	grpc   *grpc.Server
	pages  net.Listener // from where the web pages call
	http   http.Handler
	tokens *auth.Tokens
	keys   auth.Keys // of CAS tokens
	rings  []*auth.KeyRing
}

// newControlplane puts the control plane together on a database.
func newControlplane(ctx context.Context, db *database.DB, options controlplaneOptions, log *slog.Logger) (controlplaneServers, error) {
	log = log.With("part", "controlplane")
	api, err := auth.OpenKeyRing(ctx, db, registry.KeyUseAPI)
	if err != nil {
		return controlplaneServers{}, err
	}
	tokens := auth.NewTokens(db, db, api, log)
	keys, err := auth.OpenKeyRing(ctx, db, registry.KeyUseCAS)
	if err != nil {
		return controlplaneServers{}, err
	}
	signer, err := auth.NewCASSigner(keys, auth.DefaultCASLifetime)
	if err != nil {
		return controlplaneServers{}, err
	}
	services := controlplane.New(controlplane.Config{
		Store: db, Tokens: tokens, Signer: signer, Keys: keys, Log: log,
		Version:          version,
		MaxArtifactBytes: options.maxArtifactBytes,
		Limits:           options.limits,
	})
	calls := service.NewCallMetrics()
	server := service.NewGRPC(log, append(calls.ServerOptions(), services.ServerOptions()...)...)
	services.Register(server)
	listener, conn, err := webui.InProcess()
	if err != nil {
		return controlplaneServers{}, err
	}
	pages, err := webui.New(webui.Config{API: conn, Cookie: auth.LoginCookie{Secure: options.tls}, Log: log, Version: version})
	if err != nil {
		return controlplaneServers{}, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", services.HTTPHandler(pages))
	mux.Handle("GET /metrics", service.Metrics(append(options.metrics, calls)...))
	return controlplaneServers{grpc: server, pages: listener, http: mux, tokens: tokens, keys: keys, rings: []*auth.KeyRing{api, keys}}, nil
}

func newTokens(ctx context.Context, db *database.DB, log *slog.Logger) (*auth.Tokens, error) {
	ring, err := auth.OpenKeyRing(ctx, db, registry.KeyUseAPI)
	if err != nil {
		return nil, err
	}
	return auth.NewTokens(db, db, ring, log), nil
}
