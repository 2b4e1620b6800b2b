package rig

import (
	"context"
	"testing"

	"github.com/managedcas/managedcas/internal/catalogue"
)

// StartCatalogue runs a catalogue on cfg, where what is missing is the rig's, until the
// test ends.
func (r *Rig) StartCatalogue(t testing.TB, cfg catalogue.Config) *catalogue.Catalogue {
	t.Helper()
	c, stop := r.NewCatalogue(cfg)
	t.Cleanup(stop)
	return c
}

// NewCatalogue is StartCatalogue for tests that stop it themselves: stop returns when
// everything is written, or given up.
func (r *Rig) NewCatalogue(cfg catalogue.Config) (c *catalogue.Catalogue, stop func()) {
	if cfg.Entries == nil {
		cfg.Entries = r.DB
	}
	cfg.Objects, cfg.Log = r.Store, r.log
	c = catalogue.New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.Run(ctx) // always nil
	}()
	return c, func() { cancel(); <-ended }
}
