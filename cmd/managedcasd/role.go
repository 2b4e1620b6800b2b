package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/service"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// roleCommand is the command of one server role: it reads the configuration, and runs.
func roleCommand(use, short, long string, run func(context.Context, service.Config, tenancy.Installation, *slog.Logger) error) *cobra.Command {
	var config string
	cmd := &cobra.Command{
		Use:   use + " --config FILE",
		Short: short,
		Long:  long,
		Args:  noArguments,
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
			log := cfg.Log.Logger(cmd.ErrOrStderr()).With("role", use)
			log.LogAttrs(cmd.Context(), slog.LevelInfo, "starting", slog.String("version", version),
				slog.String("bucket", in.BucketName), slog.String("region", in.Region), slog.String("apPrefix", in.APPrefix))
			return run(cmd.Context(), cfg, in, log)
		},
	}
	cmd.Flags().StringVar(&config, "config", "", "configuration file, YAML (required)")
	return cmd
}

// dependencies opens the database and AWS, as the identity that the process has.
func dependencies(ctx context.Context, cfg service.Config, in tenancy.Installation, log *slog.Logger) (*database.DB, *awscloud.Cloud, error) {
	aws, err := connectAWS(ctx, cfg, in, log)
	if err != nil {
		return nil, nil, err
	}
	db, err := openDatabase(ctx, cfg)
	return db, aws, err
}

func connectAWS(ctx context.Context, cfg service.Config, in tenancy.Installation, log *slog.Logger) (*awscloud.Cloud, error) {
	return awscloud.New(ctx, awscloud.Config{
		Region: in.Region, AccountID: in.AccountID, Endpoint: cfg.Backend.ManagedCas.Endpoint, Log: log,
	})
}

func openDatabase(ctx context.Context, cfg service.Config) (*database.DB, error) {
	path, ok := strings.CutPrefix(cfg.Database.URL, "sqlite:")
	switch {
	case cfg.Database.URL == "":
		return nil, errors.New("database.url is missing: give sqlite:PATH")
	case !ok || path == "":
		return nil, fmt.Errorf("database.url has an unknown scheme: give sqlite:PATH")
	}
	return database.Open(ctx, path)
}
