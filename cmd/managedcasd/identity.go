package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/controlplane"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/federation"
	"github.com/managedcas/managedcas/internal/service"
	"github.com/managedcas/managedcas/internal/signin"
)

// identity adds to cfg how people sign in and pipelines get their tokens.
func identity(cfg *controlplane.Config, in service.Controlplane, db *database.DB, tokens *auth.Tokens, log *slog.Logger) error {
	cfg.Pages = map[string]http.Handler{signin.Path: http.HandlerFunc(signin.Unconfigured)}
	people, configured, err := in.SignIn()
	if err != nil {
		return err
	}
	if configured {
		people.Store, people.Tokens, people.Audit, people.Log = db, tokens, cfg.Audit, log
		pages, err := signin.New(people)
		if err != nil {
			return fmt.Errorf("controlplane.oidc: %w", err)
		}
		cfg.Pages[signin.Path], cfg.LoginURL = pages, pages.LoginURL()
	}
	if len(in.Federation.Issuers) == 0 {
		return nil
	}
	pipelines, err := federation.New(federation.Config{Store: db, Tokens: tokens, Issuers: in.Federation.Issuers, Audit: cfg.Audit, Log: log})
	if err != nil {
		return fmt.Errorf("controlplane.federation: %w", err)
	}
	cfg.Federation = pipelines
	cfg.Pages["POST /v1/federation/token"] = pipelines
	return nil
}

// bootstrap prints the token of an installation's first start, as no line of the log, which
// goes to whoever reads logs. Where both are collected, whoever reads there may use it first.
func bootstrap(ctx context.Context, api *controlplane.Server, stderr io.Writer) error {
	token, err := api.Bootstrap(ctx)
	if err != nil || token == "" {
		return err
	}
	_, err = fmt.Fprintf(stderr, `
Nobody administers this installation yet. This token makes the first administrator: it is
good once, for 24 hours, and is not shown again.

  managedcas auth bootstrap --token %s

It prints an instance token; after managedcas auth login it makes you an administrator
instead.

`, token)
	return err
}
