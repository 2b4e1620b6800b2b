package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/emulator"
	"github.com/managedcas/managedcas/internal/service"
)

func awsCommand() *cobra.Command {
	var listen, dir, readyFile, account, region string
	var accessPoints, policies int
	var level slog.Level
	cmd := &cobra.Command{
		Use:   "aws",
		Short: "Run the embedded AWS alone",
		Long: `Run one embedded AWS account: S3 with access points, S3 Control, STS, IAM, KMS and an EKS
Pod Identity endpoint on one port. It verifies every signature and enforces every policy.

Clients need two settings:  AWS_ENDPOINT_URL=http://ADDR  HTTP_PROXY=http://ADDR
GET /_aws/journal tells what was asked and which statement decided; PUT and DELETE
/_aws/faults make it fail on purpose. PUT /_aws/pod-identity/associations and POST
/_aws/oidc/CLUSTER/tokens, with root's access key, give pods what EKS would give them.`,
		Example: `  managedcasd aws --listen 127.0.0.1:4566 --data ./aws --ready-file ./aws.json`,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := needFlag(cmd, "data", dir); err != nil {
				return err
			}
			log := service.Log{Level: level, Format: "text"}.Logger(cmd.ErrOrStderr())
			return serveAWS(cmd.Context(), emulator.Config{
				Dir: dir, AccountID: account, Region: region, AccessPoints: accessPoints, Policies: policies, Log: log,
			}, listen, readyFile, log)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&listen, "listen", "127.0.0.1:4566", "address to listen on, on loopback")
	flags.StringVar(&dir, "data", "", "directory to keep everything in (required)")
	flags.StringVar(&readyFile, "ready-file", "", "file to write endpoint and root credentials to (JSON, mode 0600)")
	flags.StringVar(&account, "account", devAccount, "account id, 12 digits")
	flags.StringVar(&region, "region", devRegion, "the only Region")
	flags.IntVar(&accessPoints, "access-point-quota", 0, "access points that the account may have; 0: 10,000, AWS's default")
	flags.IntVar(&policies, "policy-quota", 0, "customer managed policies that it may have; 0: 1,500, AWS's default")
	flags.TextVar(&level, "log-level", slog.LevelInfo, "DEBUG, INFO, WARN or ERROR")
	return cmd
}

func serveAWS(ctx context.Context, cfg emulator.Config, listen, readyFile string, log *slog.Logger) (err error) {
	host, _, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return usageError{fmt.Errorf("--listen %q: want HOST:PORT on loopback; the endpoint speaks plain http", listen)}
	}
	aws, err := emulator.Open(cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, aws.Close()) }()
	if err := removeReady(readyFile); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("%w (choose another --listen)", err)
	}
	root := aws.RootCredentials()
	return service.Run(ctx, log,
		service.HTTP("aws", log, listener, aws),
		service.Task{Name: "ready", Run: func(ctx context.Context) error {
			endpoint := "http://" + listener.Addr().String()
			if err := awaitOK(ctx, http.DefaultClient, endpoint+"/_aws/health"); err != nil {
				return err
			}
			if readyFile != "" {
				ready := struct {
					AWS readyAWS `json:"aws"`
				}{readyAWS{Endpoint: endpoint, Region: cfg.Region, AccountID: cfg.AccountID, AccessKeyID: root.AccessKeyID, SecretAccessKey: root.SecretAccessKey}}
				if err := writeJSON(readyFile, ready); err != nil {
					return fmt.Errorf("writing the ready file: %w", err)
				}
				defer os.Remove(readyFile)
			}
			log.LogAttrs(ctx, slog.LevelInfo, "ready", slog.String("endpoint", endpoint), slog.String("rootAccessKeyId", root.AccessKeyID))
			<-ctx.Done()
			return nil
		}},
	)
}
