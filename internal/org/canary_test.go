package org_test

import (
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/org"
)

func TestCanariesAreNoOrganizations(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_790_000_000, 0)
	seen := map[org.ID]bool{}
	for range 100 {
		id := org.NewCanaryID(now)
		if parsed, err := org.ParseID(id.String()); err != nil || parsed != id || seen[id] {
			t.Fatalf("%s: %v", id, err)
		}
		seen[id] = true
		if made, ok := id.Canary(); !ok || !made.Equal(now) {
			t.Fatalf("%s: a canary %t, made %s", id, ok, made)
		}
		if made, ok := org.NewID().Canary(); ok {
			t.Fatalf("an organization is a canary of %s", made)
		}
	}
}
