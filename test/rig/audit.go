package rig

import (
	"context"
	"testing"

	"github.com/managedcas/managedcas/internal/auditlog"
)

// StartAudit runs a writer of audit records on cfg, where what is missing is the rig's,
// until the test ends.
func (r *Rig) StartAudit(t testing.TB, cfg auditlog.Config) *auditlog.Log {
	t.Helper()
	if cfg.Store == nil {
		cfg.Store = r.DB
	}
	cfg.Log = r.log
	log := auditlog.New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = log.Run(ctx) // always nil
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return log
}
