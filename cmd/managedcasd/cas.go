package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	"github.com/managedcas/managedcas/internal/admission"
	"github.com/managedcas/managedcas/internal/auditlog"
	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/casgate"
	"github.com/managedcas/managedcas/internal/casgrpc"
	"github.com/managedcas/managedcas/internal/cashttp"
	"github.com/managedcas/managedcas/internal/catalogue"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/direct"
	"github.com/managedcas/managedcas/internal/secretstore"
	"github.com/managedcas/managedcas/internal/service"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
)

func casCommand() *cobra.Command {
	return roleCommand("cas", "Run the data path: artifacts in and out, over gRPC and HTTP",
		`Run the artifact CAS. Its workload identity may assume the base role, with the session
policy of the organization that a token names, and nothing else. It verifies tokens with
the keys that the control plane publishes at cas.controlplaneUrl.`,
		func(ctx context.Context, r role) (err error) {
			if r.cfg.CAS.ControlplaneURL == "" {
				return errors.New("cas.controlplaneUrl is missing: give the URL of the control plane's HTTP port")
			}
			db, aws, err := r.dependencies(ctx)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, db.Close()) }()
			controlplane, err := service.Client(r.cfg.CAS.ControlplaneCA)
			if err != nil {
				return fmt.Errorf("cas.controlplaneCa: %w", err)
			}
			keys := auth.NewRemoteKeys(strings.TrimSuffix(r.cfg.CAS.ControlplaneURL, "/")+"/.well-known/jwks.json", controlplane, db, r.log)
			store := r.cfg.SecretStore
			secrets, err := newSecretStore(store, store.Vault.CASRole, r.in, db, aws)
			if err != nil {
				return err
			}
			certificate, err := r.cfg.CAS.Certificate("cas", r.log)
			if err != nil {
				return err
			}
			servers, err := newCAS(aws, r.in, db, secrets, casOptions{
				keys:    keys,
				metrics: certificate.Collectors(),
				checks: map[string]service.Check{
					"keys": keys.Ready, // which says why by itself
					"aws":  service.Explained(r.log, "aws", aws.SignedIn),
				},
				sessionReuse:     *r.cfg.CAS.SessionReuse,
				limits:           r.cfg.CAS.Limits,
				singlePutMax:     r.cfg.CAS.SinglePutMax,
				partSize:         r.cfg.CAS.PartSize,
				uploadMemory:     r.cfg.CAS.UploadMemory,
				maxArtifactBytes: r.cfg.CAS.MaxArtifactBytes,
				tracing:          r.tracing,
				direct:           r.cfg.CAS.DirectTransfers,
				uploadExpiry:     r.cfg.CAS.UploadExpiry,
			}, r.log)
			if err != nil {
				return err
			}
			listeners, err := r.cfg.CAS.Listeners("cas", r.cfg.CAS.Listen, certificate)
			if err != nil {
				return err
			}
			keepHeapWithin(r.cfg.CAS.Limits.MemoryBytes)
			stop := service.Background(ctx, r.log, servers.tasks...)
			defer func() { err = errors.Join(err, stop()) }()
			return service.Run(ctx, r.log,
				r.announce(listeners),
				service.Drained("cas", r.log, servers.drain,
					service.GRPC("grpc", listeners.GRPC, servers.grpc),
					service.Web(r.log, listeners, servers.http),
				),
			)
		})
}

type casOptions struct {
	keys             auth.Keys
	checks           map[string]service.Check // of /readyz, besides those of every cas
	metrics          []prometheus.Collector   // shown with its own
	sessionReuse     time.Duration
	singlePutMax     int64
	partSize         int64
	uploadMemory     int64
	maxArtifactBytes int64
	direct           direct.Mode
	uploadExpiry     time.Duration
	limits           service.Limits
	tracing          trace.TracerProvider // nil: off
}

type casServers struct {
	grpc  *grpc.Server
	http  http.Handler
	drain service.Drain
	// tasks outlive the servers: they write down and find out what became of uploads.
	tasks []service.Task
}

// sweepPause is the time between two looks for abandoned uploads. Those that are in
// flight outlive their last sign of life by five minutes.
const sweepPause = time.Minute

// auditQueue is how many audit records wait for a database that is away, beside the places
// of the transfers that run. It is a few seconds of small transfers.
const auditQueue = 8192

// newCAS puts the data path together: token → gate → grant → session → access point.
func newCAS(aws *awscloud.Cloud, in tenancy.Installation, db *database.DB, secrets *secretstore.Store, options casOptions, log *slog.Logger) (casServers, error) {
	log = log.With("part", "cas")
	sessions, err := session.New(session.Config{
		Installation: in,
		STS:          aws,
		Secrets:      secrets,
		Backends:     db,
		Reuse:        options.sessionReuse,
	})
	if err != nil {
		return casServers{}, err
	}
	store, err := cas.New(cas.Config{
		Sessions:     sessions,
		Own:          sessions.Own(),
		Open:         func(s session.Session) cas.Objects { return aws.Objects(s) },
		SinglePutMax: options.singlePutMax,
		Ledger:       db,
		UploadExpiry: options.uploadExpiry,
		PartSize:     options.partSize,
		Memory:       options.uploadMemory,
	})
	if err != nil {
		return casServers{}, fmt.Errorf("cas.%w", err) // which begins with the key
	}
	limits, metrics := options.limits, casgate.NewMetrics()
	places, err := admission.New(admission.Limits{
		Transfers: limits.Transfers, PerOrganization: limits.TransfersPerOrganization,
		Waiting: limits.QueuePerOrganization, Wait: limits.QueueTime,
		BytesPerSecond: limits.BytesPerSecondPerOrganization, MemoryBytes: uint64(limits.MemoryBytes),
	})
	if err != nil {
		return casServers{}, err
	}
	tokens, err := casgate.NewBound(auth.NewCASVerifier(options.keys), db)
	if err != nil {
		return casServers{}, err
	}
	records := auditlog.New(auditlog.Config{Store: db, Log: log, MaxQueue: auditQueue + limits.Transfers})
	gate := casgate.New(casgate.Config{
		Tokens: tokens, Admission: places, Metrics: metrics, Tracing: options.tracing, Audit: records,
		Pace: casgate.Pace{Patience: limits.Patience, BytesPerSecond: limits.MinBytesPerSecond, Longest: limits.TransferTime},
	})
	entries := catalogue.New(catalogue.Config{Entries: db, Objects: store, Log: log})
	recorded := catalogue.Recorded{Store: store, Catalogue: entries}
	artifactStore := casgate.Audited{Store: casgate.Explained{Store: recorded, Organizations: db}}
	uploads := casgate.AuditedUploads{Uploads: casgate.ExplainedUploads{Uploads: recorded, Organizations: db}}
	directly, err := direct.New(direct.Config{
		Store: casgate.ExplainedDirect{Store: store, Organizations: db}, Records: db, Recorder: casgate.Found{Recorder: entries, Audit: records}, Mode: options.direct,
		MaxBytes: options.maxArtifactBytes, MaxPut: options.singlePutMax,
		Outstanding: limits.DirectUploadsPerOrganization, Longest: limits.TransferTime, Log: log,
	})
	if err != nil {
		return casServers{}, err
	}

	transfers := casgate.AuditedTransfers{Transfers: directly}

	checks := map[string]service.Check{
		"database": service.Explained(log, "database", db.Ping),
		"open":     func(context.Context) error { return places.Open() },
	}
	maps.Copy(checks, options.checks)
	mux := http.NewServeMux()
	mux.Handle("/", service.Health(version, checks, slices.Concat(options.metrics, metrics.Collectors(), aws.Collectors(), casgate.SessionMetrics(sessions.Stats), casgate.UploadMetrics(store.UploadStats), casgate.CatalogueMetrics(entries.Stats), auditlog.Collectors(records.Stats))...))
	artifacts := gate.HTTP(cashttp.New(cashttp.Config{
		Store: artifactStore, Uploads: uploads, Tokens: gate, MaxBytes: options.maxArtifactBytes, Idle: limits.TransferIdle, Log: log,
	}))
	mux.Handle("/v1/artifacts/", artifacts)
	mux.Handle("POST /v1/artifacts/{digest}", gate.HTTP(cashttp.NewDirect(transfers, gate, log)))
	mux.Handle("/download/", artifacts)

	server := service.NewGRPC(log, slices.Concat(gate.ServerOptions(), casgrpc.ServerOptions())...)
	casgrpc.New(casgrpc.Config{
		Store: artifactStore, Uploads: uploads, Direct: transfers, Tokens: gate,
		MaxBytes: options.maxArtifactBytes, Idle: limits.TransferIdle, Version: version, Log: log,
	}).Register(server)
	sweep := func(ctx context.Context) error {
		return store.SweepEvery(ctx, sweepPause, func(err error) {
			log.LogAttrs(ctx, slog.LevelWarn, "abandoned uploads could not be swept", slog.Any("error", err))
		})
	}
	return casServers{
		grpc: server, http: mux,
		drain: service.Drain{Refuse: gate.Drain, Delay: *limits.DrainDelay, Grace: limits.DrainTime},
		tasks: []service.Task{
			{Name: "catalogue", Run: entries.Run},
			{Name: "direct uploads", Run: directly.Run},
			{Name: "audit", Run: records.Run},
			{Name: "sweeper", Run: sweep},
		},
	}, nil
}
