package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/direct"
	"github.com/managedcas/managedcas/internal/emulator"
	"github.com/managedcas/managedcas/internal/emulator/podidentity"
	"github.com/managedcas/managedcas/internal/reconcile"
	"github.com/managedcas/managedcas/internal/secretstore"
	"github.com/managedcas/managedcas/internal/service"
)

// devReconcileInterval is short: on a laptop one wants to see a repair.
const devReconcileInterval = 5 * time.Second

// devProbePause is short: IAM's changes are seen at once here.
const devProbePause = 20 * time.Millisecond

func devCommand() *cobra.Command {
	var options devOptions
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run everything on this machine, on an embedded AWS that enforces its policies",
		Long: `Run the embedded AWS and the three server roles in one process, on loopback. Each role
has its own workload identity, as in EKS: every policy is exercised as it will be there.

The ready file says where everything listens and how to get in; it appears when every
part is healthy. The same --data finds everything again; the administrator's token is in
its file admin-token. The backend's metrics are shown with the control plane's.`,
		Example: `  managedcasd dev --data ./dev --ready-file ./dev.json`,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := options.check(); err != nil {
				return err
			}
			log := service.Log{Level: options.level, Format: "text"}.Logger(cmd.ErrOrStderr())
			return dev(cmd.Context(), options, log)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&options.dir, "data", "", "directory to keep everything in; default: a temporary one, removed at the end")
	flags.IntVar(&options.firstPort, "ports", 0, "first of five consecutive ports on 127.0.0.1: AWS, control plane gRPC and HTTP, CAS gRPC and HTTP; 0: any that are free")
	flags.StringVar(&options.readyFile, "ready-file", "", "file to write addresses and credentials to (JSON, mode 0600)")
	flags.DurationVar(&options.reconcile, "reconcile-interval", devReconcileInterval, "time between two looks at every organization")
	flags.DurationVar(&options.probe, "probe-interval", service.DefaultProbeInterval, "time between two probes of every organization")
	flags.DurationVar(&options.retention, "retention", reconcile.DefaultRetention, "how long the objects of a deleted organization are kept")
	flags.BoolVar(&options.purge, "purge", false, "delete the objects of deleted organizations after --retention, with a role for it (docs/deletion.md)")
	flags.Int64Var(&options.maxArtifactBytes, "max-artifact-bytes", service.DefaultMaxArtifactBytes, "size of the largest artifact that is accepted, in bytes")
	flags.TextVar(&options.level, "log-level", slog.LevelInfo, "DEBUG, INFO, WARN or ERROR")
	return cmd
}

type devOptions struct {
	dir              string
	firstPort        int
	readyFile        string
	reconcile, probe time.Duration
	retention        time.Duration
	purge            bool
	maxArtifactBytes int64
	level            slog.Level
}

// check refuses numbers that make no sense.
func (o devOptions) check() error {
	switch {
	case o.firstPort < 0 || o.firstPort > 65535-4:
		return usageError{fmt.Errorf("--ports %d: want the first of five ports, at most 65531, or 0", o.firstPort)}
	case o.reconcile < service.MinReconcileInterval:
		return usageError{fmt.Errorf("--reconcile-interval %s: at least %s", o.reconcile, service.MinReconcileInterval)}
	case o.probe < service.MinProbeInterval:
		return usageError{fmt.Errorf("--probe-interval %s: at least %s", o.probe, service.MinProbeInterval)}
	case o.retention < 0 || o.retention > service.MaxRetention:
		return usageError{fmt.Errorf("--retention %s: 0s to %s", o.retention, service.MaxRetention)}
	case o.maxArtifactBytes < 1:
		return usageError{fmt.Errorf("--max-artifact-bytes %d: at least 1", o.maxArtifactBytes)}
	}
	return nil
}

// dev is the whole system in the order in which it stands up. Everything before
// service.Run is done when it is called: the ready file is not a promise.
func dev(ctx context.Context, options devOptions, log *slog.Logger) (err error) {
	dir, cleanup, err := devDirectory(options.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cleanup()) }()
	listeners, err := listenLoopback(options.firstPort, "aws", "controlplane-grpc", "controlplane-http", "cas-grpc", "cas-http")
	if err != nil {
		return err
	}

	// 1. An AWS account. It answers from here on: the next steps talk to it over the wire.
	aws, err := emulator.Open(emulator.Config{
		Dir: filepath.Join(dir, "aws"), AccountID: devAccount, Region: devRegion, Log: log.With("part", "aws"),
	})
	if err != nil {
		return fmt.Errorf("opening the embedded AWS: %w", err)
	}
	defer func() { err = errors.Join(err, aws.Close()) }()
	// The directory is ours now: what a killed process promised no longer holds.
	if err := removeReady(options.readyFile); err != nil {
		return err
	}
	endpoint := "http://" + listeners["aws"].Addr().String()
	stopAWS := service.Background(ctx, log, service.HTTP("aws", log, listeners["aws"], aws))
	defer func() { err = errors.Join(err, stopAWS()) }()

	// 2. What an operator does once: bucket, key, roles, policies; as the account's root.
	root := aws.RootCredentials()
	transport, err := awscloud.NewTransport(endpoint)
	if err != nil {
		return err
	}
	rates, err := awscloud.NewRates(nil)
	if err != nil {
		return err
	}
	connect := func(credentials awscloud.Credentials) (*awscloud.Cloud, error) {
		return awscloud.New(ctx, awscloud.Config{
			Region: devRegion, AccountID: devAccount, Endpoint: endpoint,
			Credentials: credentials, Transport: transport, Rates: rates, Log: log,
		})
	}
	operator, err := connect(awscloud.StaticCredentials(root.AccessKeyID, root.SecretAccessKey))
	if err != nil {
		return err
	}
	installation, err := devProvision(ctx, operator, options.purge, log)
	if err != nil {
		return fmt.Errorf("provisioning the embedded account: %w", err)
	}

	// 3. The workload identities, as EKS gives them to pods.
	identities := map[string]podidentity.Access{}
	clouds := map[string]*awscloud.Cloud{}
	for workload, role := range map[string]string{
		"backend":      installation.BackendRoleARN(),
		"controlplane": installation.ControlplaneRoleARN(),
		"cas":          installation.CASRoleARN(),
	} {
		identities[workload], err = aws.PodIdentity().Associate(podidentity.Association{
			Cluster: "dev", Namespace: "managedcas", ServiceAccount: workload, RoleARN: role,
			// Beside the session policy of an own bucket there is no room for them (facts AWS §4.4).
			DisableSessionTags: true,
		})
		if err != nil {
			return fmt.Errorf("giving %s its identity: %w", workload, err)
		}
		clouds[workload], err = connect(awscloud.ContainerCredentials(endpoint+identities[workload].Path, identities[workload].AuthorizationToken))
		if err != nil {
			return err
		}
	}

	// 4. The three roles, on one database.
	db, err := database.Open(ctx, filepath.Join(dir, "managedcas.db"))
	if err != nil {
		return fmt.Errorf("opening the database: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	secrets := secretstore.NewDatabase(db)
	reconciler, err := newBackend(clouds["backend"], installation, db, backendOptions{
		secrets: secrets, interval: options.reconcile, probeInterval: options.probe, probePause: devProbePause, retention: &options.retention,
	}, log)
	if err != nil {
		return err
	}
	purger := newPurger(clouds["backend"], installation, db, options.reconcile, log)
	casURL := "http://" + listeners["cas-http"].Addr().String()
	controlplane, err := newControlplane(ctx, db, controlplaneOptions{
		cas: casURL, publicCAS: casURL,
		maxArtifactBytes: options.maxArtifactBytes, installation: installation, aws: clouds["controlplane"],
		metrics: slices.Concat(clouds["backend"].Collectors(), reconciler.Collectors(),
			[]prometheus.Collector{purger, reconcile.NewCensus(db, db.Queue(), log)}), // the backend has no port here
	}, log)
	if err != nil {
		return err
	}
	cas, err := newCAS(clouds["cas"], installation, db, secrets, casOptions{
		keys:             controlplane.keys,
		sessionReuse:     service.DefaultSessionReuse,
		maxArtifactBytes: options.maxArtifactBytes,
		direct:           direct.Allowed,                                                // to be tried; what the URLs show is no secret here
		limits:           service.Limits{DrainDelay: new(time.Duration)}.WithDefaults(), // no load balancer here
	}, log)
	if err != nil {
		return err
	}
	stop := service.Background(ctx, log, slices.Concat(cas.tasks, controlplane.tasks)...)
	defer func() { err = errors.Join(err, stop()) }()
	tokenFile := filepath.Join(dir, "admin-token")
	adminToken, err := devToken(ctx, tokenFile, controlplane.tokens)
	if err != nil {
		return err
	}

	// 5. Serve, and say so.
	return service.Run(ctx, log,
		service.GRPC("controlplane-grpc", listeners["controlplane-grpc"], controlplane.grpc),
		service.GRPC("pages", controlplane.pages, controlplane.grpc),
		service.HTTP("controlplane-http", log, listeners["controlplane-http"], controlplane.http),
		service.Drained("cas", log, cas.drain,
			service.GRPC("cas-grpc", listeners["cas-grpc"], cas.grpc),
			service.HTTP("cas-http", log, listeners["cas-http"], cas.http),
		),
		service.Task{Name: "reconciler", Run: reconciler.Run},
		service.Task{Name: "purge", Run: purger.Run},
		service.Task{Name: "ready", Run: func(ctx context.Context) error {
			r := newReady(listeners, root, installation, identities, adminToken)
			return announce(ctx, options.readyFile, r, log.With("adminToken", tokenFile))
		}},
	)
}
