package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"go.opentelemetry.io/otel/trace"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/service"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// role is one server role about to run: what it was configured to be, and how to say
// that it is.
type role struct {
	cfg       service.Config
	in        tenancy.Installation
	log       *slog.Logger
	tracing   trace.TracerProvider // nil: off
	readyFile string
	stderr    io.Writer
}

// roleCommand is the command of one server role: it reads the configuration, and runs.
func roleCommand(use, short, long string, run func(context.Context, role) error) *cobra.Command {
	var config, readyFile string
	cmd := &cobra.Command{
		Use:   use + " --config FILE",
		Short: short,
		Long:  long,
		Example: fmt.Sprintf(`  managedcasd %[1]s --config managedcas.yaml
  managedcasd %[1]s --config managedcas.yaml --ready-file %[1]s.json`, use),
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := needFlag(cmd, "config", config); err != nil {
				return err
			}
			cfg, err := service.ReadConfig(config)
			if err != nil {
				return err
			}
			in, err := cfg.Backend.ManagedCas.Installation()
			if err != nil {
				return err
			}
			if err := removeReady(readyFile); err != nil { // of one that was killed
				return err
			}
			log := cfg.Log.Logger(cmd.ErrOrStderr()).With("role", use)
			log.LogAttrs(cmd.Context(), slog.LevelInfo, "starting", slog.String("version", version),
				slog.String("bucket", in.BucketName), slog.String("region", in.Region), slog.String("apPrefix", in.APPrefix))
			tracing, stop, err := service.Tracing(cmd.Context(), "managedcasd "+use, version, os.Getenv, log)
			if err != nil {
				return err
			}
			defer stop()
			defer sayEnd(cmd.Context(), log)()
			return run(cmd.Context(), role{cfg: cfg, in: in, log: log, tracing: tracing, readyFile: readyFile, stderr: cmd.ErrOrStderr()})
		},
	}
	cmd.Flags().StringVar(&config, "config", "", "configuration file, YAML (required)")
	cmd.Flags().StringVar(&readyFile, "ready-file", "", "file to write the addresses listened on to, once ready (JSON)")
	return cmd
}

// sayEnd has the log say that the process was told to stop, and in the end that it did:
// a log that ends without it is that of a process that was killed.
func sayEnd(ctx context.Context, log *slog.Logger) (ended func()) {
	said := make(chan struct{})
	untold := context.AfterFunc(ctx, func() {
		log.Info("stopping: told to by a signal")
		close(said)
	})
	return func() {
		if untold() {
			return // it fails, which is said as an error
		}
		<-said
		log.Info("stopped")
	}
}

// dependencies opens the database and AWS, as the identity that the process has.
func (r role) dependencies(ctx context.Context) (*database.DB, *awscloud.Cloud, error) {
	aws, err := connectAWS(ctx, r.cfg, r.in, r.tracing, r.log)
	if err != nil {
		return nil, nil, err
	}
	db, err := openDatabase(ctx, r.cfg)
	return db, aws, err
}

// announce is the task that says where the role listens, when it is ready: a
// configuration may leave the port to the kernel (127.0.0.1:0).
func (r role) announce(listeners service.Opened) service.Task {
	return service.Task{Name: "ready", Run: func(ctx context.Context) error {
		var at endpoints
		if listeners.Metrics != nil {
			at.Metrics = listeners.URL(listeners.Metrics)
		}
		if listeners.GRPC != nil {
			at.GRPC = listeners.GRPC.Addr().String()
		}
		if listeners.HTTP != nil {
			at.HTTP = listeners.URL(listeners.HTTP)
			self := listeners.Self()
			// What it waits for may come: another role, credentials, a database.
			for {
				err := awaitOK(ctx, self, at.HTTP+"/readyz")
				if err == nil {
					break
				}
				if ctx.Err() != nil {
					return err
				}
				r.log.LogAttrs(ctx, slog.LevelWarn, "still not ready", slog.Any("error", err))
			}
		}
		r.log.LogAttrs(ctx, slog.LevelInfo, "ready", slog.String("grpc", at.GRPC), slog.String("http", at.HTTP))
		if r.readyFile == "" {
			return nil
		}
		if err := writeJSON(r.readyFile, at); err != nil {
			return fmt.Errorf("writing the ready file: %w", err)
		}
		<-ctx.Done()
		return removeReady(r.readyFile)
	}}
}

func connectAWS(ctx context.Context, cfg service.Config, in tenancy.Installation, tracing trace.TracerProvider, log *slog.Logger) (*awscloud.Cloud, error) {
	rates, err := awscloud.NewRates(cfg.Backend.ManagedCas.APIRates)
	if err != nil {
		return nil, fmt.Errorf("backend.managedCas.apiRates: %w", err)
	}
	return awscloud.New(ctx, awscloud.Config{
		Region: in.Region, AccountID: in.AccountID, Endpoint: cfg.Backend.ManagedCas.Endpoint,
		Rates: rates, Tracing: tracing, Log: log,
	})
}

func openDatabase(ctx context.Context, cfg service.Config) (*database.DB, error) {
	target, err := cfg.Database.Target()
	if err != nil {
		return nil, err
	}
	db, err := database.Open(ctx, target)
	if _, answers := errors.AsType[database.SchemaError](err); answers {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%w: see that database.url is right and answers, then start again", err)
	}
	return db, nil
}

// needCredentials is for commands that are run by hand, in a shell that may have none.
func needCredentials(ctx context.Context, aws *awscloud.Cloud, whose string) error {
	if err := aws.SignedIn(ctx); err != nil {
		return fmt.Errorf("%w: run it with the AWS credentials of %s, for example with AWS_PROFILE", err, whose)
	}
	return nil
}
