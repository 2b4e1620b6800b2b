package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/casupload"
	"github.com/managedcas/managedcas/internal/controlplane"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/ownbucket"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/service"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
)

func controlplaneCommand() *cobra.Command {
	return roleCommand("controlplane", "Run the API: organizations, storage backends, tokens",
		`Run the control plane. It writes organizations to the
database, where the backend finds them, and issues the tokens that the CAS accepts.
Make the first token with managedcasd token. Only where organizations may bring their own
buckets (cas.ownBuckets) does it call AWS: to use such a bucket before it is trusted.`,
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
			options := controlplaneOptions{
				installation: r.in,
				cas:          r.cfg.Controlplane.CASURL, publicCAS: r.cfg.Controlplane.PublicCASURL,
				maxArtifactBytes: r.cfg.CAS.MaxArtifactBytes, limits: r.cfg.Controlplane.Limits.Limits(), metrics: certificate.Collectors(),
			}
			if r.in.OwnBuckets() {
				if options.aws, err = connectAWS(ctx, r.cfg, r.in, r.tracing, r.log); err != nil {
					return err
				}
			}
			servers, err := newControlplane(ctx, db, options, r.log)
			if err != nil {
				return err
			}
			stop := service.Background(ctx, r.log, servers.tasks...)
			defer func() { err = errors.Join(err, stop()) }()
			return service.Run(ctx, r.log,
				r.announce(listeners),
				service.Drained("controlplane", r.log, service.Drain{Refuse: servers.standing.Leave, Delay: *r.cfg.Controlplane.DrainDelay},
					service.GRPC("grpc", listeners.GRPC, servers.grpc),
					service.HTTP("http", listeners.HTTP, servers.http),
				),
				service.Task{Name: "keys", Run: auth.Rotation{Rings: servers.rings, Age: r.cfg.Controlplane.KeyRotation, Log: r.log}.Run},
			)
		})
}

type controlplaneOptions struct {
	maxArtifactBytes int64
	cas, publicCAS   string                 // URLs of the CAS's HTTP port; empty: none
	limits           controlplane.Limits    // what is zero has its default
	metrics          []prometheus.Collector // of others in the process, shown with its own
	installation     tenancy.Installation
	aws              *awscloud.Cloud // as the control plane's identity; nil unless there are own buckets
}

type controlplaneServers struct {
	grpc   *grpc.Server
	http   http.Handler
	tokens *auth.Tokens
	keys   auth.Keys // of CAS tokens
	tasks  []service.Task
	rings  []*auth.KeyRing

	standing *service.Standing
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
	var uploads controlplane.Uploads
	if options.cas != "" {
		uploads = casupload.New(options.cas, http.DefaultTransport, 0)
	}
	var standing *service.Standing // there is one before there are calls
	own, tasks := ownBuckets(db, options, log)
	services := controlplane.New(controlplane.Config{
		Store: db, Tokens: tokens, Signer: signer, Keys: keys, Log: log,
		Version:          version,
		MaxArtifactBytes: options.maxArtifactBytes,
		Limits:           options.limits,
		OwnBuckets:       own,
		Uploads:          uploads, PublicCAS: options.publicCAS,
		Checks: map[string]func(context.Context) error{
			"schema": db.SchemaReady,
			"keys":   func(ctx context.Context) error { _, err := keys.List(ctx); return err },
			"open":   func(ctx context.Context) error { return standing.Open(ctx) },
		},
	})
	calls := service.NewCallMetrics()
	server := service.NewGRPC(log, append(calls.ServerOptions(), services.ServerOptions()...)...)
	services.Register(server)
	standing = service.NewStanding(server)
	mux := http.NewServeMux()
	mux.Handle("/", services.HTTPHandler())
	mux.Handle("GET /metrics", service.Metrics(append(options.metrics, calls)...))
	return controlplaneServers{grpc: server, http: mux, tokens: tokens, keys: keys, tasks: tasks, rings: []*auth.KeyRing{api, keys}, standing: standing}, nil
}

// ownBuckets is what validates the buckets that organizations bring, now and then and when
// it is asked; nil where they may not.
func ownBuckets(db *database.DB, options controlplaneOptions, log *slog.Logger) (*controlplane.OwnBuckets, []service.Task) {
	if !options.installation.OwnBuckets() || options.aws == nil {
		return nil, nil
	}
	validator := ownbucket.New(ownbucket.Config{
		Installation: options.installation, STS: options.aws,
		Open: func(s session.Session) ownbucket.Reach { return options.aws.Reach(s) },
	})
	watch := service.Task{Name: "own buckets", Run: func(ctx context.Context) error { return validator.Watch(ctx, db, log) }}
	return &controlplane.OwnBuckets{Installation: options.installation, Validator: validator, Interval: ownbucket.Interval}, []service.Task{watch}
}

func newTokens(ctx context.Context, db *database.DB, log *slog.Logger) (*auth.Tokens, error) {
	ring, err := auth.OpenKeyRing(ctx, db, registry.KeyUseAPI)
	if err != nil {
		return nil, err
	}
	return auth.NewTokens(db, db, ring, log), nil
}
