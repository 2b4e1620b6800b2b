package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"github.com/managedcas/managedcas/internal/admission"
	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/casgate"
	"github.com/managedcas/managedcas/internal/casgrpc"
	"github.com/managedcas/managedcas/internal/cashttp"
	"github.com/managedcas/managedcas/internal/database"
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
			listeners, err := service.Listeners(r.cfg.CAS.Listen)
			if err != nil {
				return err
			}
			keys := auth.NewRemoteKeys(strings.TrimSuffix(r.cfg.CAS.ControlplaneURL, "/")+"/.well-known/jwks.json", &http.Client{Timeout: 10 * time.Second})
			servers, err := newCAS(aws, r.in, db, casOptions{
				keys:             keys,
				sessionReuse:     *r.cfg.CAS.SessionReuse,
				limits:           r.cfg.CAS.Limits,
				singlePutMax:     r.cfg.CAS.SinglePutMax,
				partSize:         r.cfg.CAS.PartSize,
				uploadMemory:     r.cfg.CAS.UploadMemory,
				maxArtifactBytes: r.cfg.CAS.MaxArtifactBytes,
			}, r.log)
			if err != nil {
				return err
			}
			keepHeapWithin(r.cfg.CAS.Limits.MemoryBytes)
			return service.Run(ctx, r.log,
				r.announce(listeners),
				service.Drained("cas", r.log, servers.drain,
					service.GRPC("grpc", listeners.GRPC, servers.grpc),
					service.HTTP("http", listeners.HTTP, servers.http),
				),
			)
		})
}

type casOptions struct {
	keys             auth.Keys
	sessionReuse     time.Duration
	singlePutMax     int64
	partSize         int64
	uploadMemory     int64
	maxArtifactBytes int64
	limits           service.Limits
}

type casServers struct {
	grpc  *grpc.Server
	http  http.Handler
	drain service.Drain
}

// newCAS puts the data path together: token → gate → grant → session → access point.
func newCAS(aws *awscloud.Cloud, in tenancy.Installation, db *database.DB, options casOptions, log *slog.Logger) (casServers, error) {
	log = log.With("part", "cas")
	sessions, err := session.New(session.Config{
		Installation: in,
		STS:          aws,
		Secrets:      secretstore.NewDatabase(db),
		Reuse:        options.sessionReuse,
	})
	if err != nil {
		return casServers{}, err
	}
	store, err := cas.New(cas.Config{
		Sessions:     sessions,
		Open:         func(s session.Session) cas.Objects { return aws.Objects(s) },
		SinglePutMax: options.singlePutMax,
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
	gate := casgate.New(casgate.Config{
		Tokens: auth.NewCASVerifier(options.keys), Admission: places, Metrics: metrics,
		Pace: casgate.Pace{Patience: limits.Patience, BytesPerSecond: limits.MinBytesPerSecond, Longest: limits.TransferTime},
	})
	explained := casgate.Explained{Store: store, Organizations: db}

	mux := http.NewServeMux()
	mux.Handle("/", service.Health(version, map[string]service.Check{
		"database": db.Ping,
		"open":     func(context.Context) error { return places.Open() },
	}, slices.Concat(metrics.Collectors(), casgate.SessionMetrics(sessions.Stats))...))
	artifacts := gate.HTTP(cashttp.New(cashttp.Config{
		Store: explained, Tokens: gate, MaxBytes: options.maxArtifactBytes, Idle: limits.TransferIdle, Log: log,
	}))
	mux.Handle("/v1/artifacts/", artifacts)
	mux.Handle("/download/", artifacts)

	server := service.NewGRPC(log, slices.Concat(gate.ServerOptions(), casgrpc.ServerOptions())...)
	casgrpc.New(casgrpc.Config{
		Store: explained, Tokens: gate, MaxBytes: options.maxArtifactBytes, Idle: limits.TransferIdle, Version: version, Log: log,
	}).Register(server)
	return casServers{server, mux, service.Drain{Refuse: gate.Drain, Delay: *limits.DrainDelay, Grace: limits.DrainTime}}, nil
}
