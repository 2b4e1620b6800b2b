package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/managedcas/managedcas/internal/auditsink"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/service"
)

// newAuditSinks returns what tells the sinks of the configuration.
func newAuditSinks(ctx context.Context, cfg service.Audit, db *database.DB, log *slog.Logger) (*auditsink.Deliveries, error) {
	var sinks []auditsink.Named
	for _, s := range cfg.Sinks {
		named := auditsink.Named{Name: s.Name}
		if s.Webhook != nil {
			secret, err := s.Webhook.Secret(os.Getenv)
			if err != nil {
				return nil, fmt.Errorf("audit sink %s: %w", s.Name, err)
			}
			named.Sink = auditsink.NewWebhook(s.Webhook.URL, secret, nil)
		} else {
			sink, err := auditsink.NewOTLP(ctx, s.OTLP.URL, version, nil)
			if err != nil {
				return nil, fmt.Errorf("audit sink %s: %w", s.Name, err)
			}
			named.Sink = sink
		}
		sinks = append(sinks, named)
	}
	return auditsink.New(auditsink.Config{Store: db, Sinks: sinks, Log: log.With("about", "audit")}), nil
}
