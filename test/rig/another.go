package rig

import (
	"testing"

	"github.com/managedcas/managedcas/internal/cas"
)

// Another returns the store of another process: it has the same database and the same
// AWS, and no Wire.
func (r *Rig) Another(t testing.TB) *cas.Store {
	t.Helper()
	store, _ := r.newStore(t, r.cloud(t, r.workload, r.network), r.Installation)
	return store
}
