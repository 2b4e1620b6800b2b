package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"github.com/managedcas/managedcas/internal/auditlog"
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
	"github.com/managedcas/managedcas/internal/webui"
)

func controlplaneCommand() *cobra.Command {
	return roleCommand("controlplane", "Run the API: organizations, storage backends, tokens",
		`Run the control plane. It writes organizations to the
database, where the backend finds them, and issues the tokens that the CAS accepts.
Its first start prints a token for the first administrator. Only where organizations may bring
their own buckets (cas.ownBuckets) does it call AWS: to use such a bucket before it is trusted.`,
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
			sinks, err := newAuditSinks(ctx, r.cfg.Audit, db, r.log)
			if err != nil {
				return err
			}
			options := controlplaneOptions{
				installation: r.in,
				identity:     r.cfg.Controlplane, tls: certificate != nil,
				cas: r.cfg.Controlplane.CASURL, publicCAS: r.cfg.Controlplane.PublicCASURL, casCA: r.cfg.Controlplane.CASCA,
				maxArtifactBytes: r.cfg.CAS.MaxArtifactBytes, limits: r.cfg.Controlplane.Limits.Limits(),
				metrics: append(certificate.Collectors(), sinks),
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
			if err := bootstrap(ctx, servers.api, r.stderr); err != nil {
				return err
			}
			stop := service.Background(ctx, r.log, servers.tasks...)
			defer func() { err = errors.Join(err, stop()) }()
			return service.Run(ctx, r.log,
				r.announce(listeners),
				service.Drained("controlplane", r.log, service.Drain{Refuse: servers.standing.Leave, Delay: *r.cfg.Controlplane.DrainDelay},
					service.GRPC("grpc", listeners.GRPC, servers.grpc),
					service.GRPC("pages", servers.pages, servers.grpc),
					service.Web(r.log, listeners, servers.http),
				),
				service.Task{Name: "keys", Run: auth.Rotation{Rings: servers.rings, Age: r.cfg.Controlplane.KeyRotation, Log: r.log}.Run},
				service.Task{Name: "audit sinks", Run: sinks.Run},
			)
		})
}

type controlplaneOptions struct {
	identity         service.Controlplane
	maxArtifactBytes int64
	cas, publicCAS   string                 // URLs of the CAS's HTTP port; empty: none
	casCA            string                 // file with its authority; empty: the system's
	limits           controlplane.Limits    // what is zero has its default
	tls              bool                   // browsers speak it
	metrics          []prometheus.Collector // of others in the process, shown with its own
	installation     tenancy.Installation
	aws              *awscloud.Cloud // as the control plane's identity; nil unless there are own buckets
}

// secure reports whether browsers reach the pages over TLS: here, or at a proxy in front.
func (o controlplaneOptions) secure() bool {
	if o.identity.PublicURL != "" {
		return strings.HasPrefix(o.identity.PublicURL, "https:")
	}
	return o.tls
}

type controlplaneServers struct {
	api    *controlplane.Server
	grpc   *grpc.Server
	pages  net.Listener // from where the web pages call
	http   http.Handler
	tokens *auth.Tokens
	keys   auth.Keys // of CAS tokens
	rings  []*auth.KeyRing

	standing *service.Standing
	// tasks outlive the servers: they write down what was refused.
	tasks []service.Task
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
		client, err := service.Client(options.casCA)
		if err != nil {
			return controlplaneServers{}, fmt.Errorf("controlplane.casCa: %w", err)
		}
		uploads = casupload.New(options.cas, client.Transport, 0)
	}
	records := auditlog.New(auditlog.Config{Store: db, Log: log})
	var standing *service.Standing // there is one before there are calls
	own, tasks := ownBuckets(db, options, log)
	cfg := controlplane.Config{
		Store: db, Tokens: tokens, Signer: signer, Keys: keys, Audit: records, Log: log,
		Version:                      version,
		MaxArtifactBytes:             options.maxArtifactBytes,
		RestrictOrganizationCreation: options.identity.OrganizationCreation != service.CreationByEveryone,
		Limits:                       options.limits,
		OwnBuckets:                   own,
		Uploads:                      uploads, PublicCAS: options.publicCAS,
		Checks: map[string]func(context.Context) error{
			"schema": db.SchemaReady,
			"keys":   func(ctx context.Context) error { _, err := keys.List(ctx); return err },
			"open":   func(ctx context.Context) error { return standing.Open(ctx) },
		},
	}
	if err := identity(&cfg, options.identity, db, tokens, log); err != nil {
		return controlplaneServers{}, err
	}
	services := controlplane.New(cfg)
	calls := service.NewCallMetrics()
	server := service.NewGRPC(log, append(calls.ServerOptions(), services.ServerOptions()...)...)
	services.Register(server)
	standing = service.NewStanding(server)
	listener, conn, err := webui.InProcess()
	if err != nil {
		return controlplaneServers{}, err
	}
	pages, err := webui.New(webui.Config{API: conn, Cookie: auth.LoginCookie{Secure: options.secure()}, Log: log, Version: version})
	if err != nil {
		return controlplaneServers{}, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", services.HTTPHandler(pages))
	mux.Handle("GET /metrics", service.Metrics(append(slices.Concat(options.metrics, auditlog.Collectors(records.Stats)), calls)...))
	return controlplaneServers{
		api: services, grpc: server, pages: listener, http: mux, tokens: tokens, keys: keys, rings: []*auth.KeyRing{api, keys}, standing: standing,
		tasks: append(tasks, service.Task{Name: "audit", Run: records.Run}),
	}, nil
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
