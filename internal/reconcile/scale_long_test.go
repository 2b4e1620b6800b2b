//go:build long

package reconcile_test

import (
	"testing"
	"time"
)

// TestTenThousandOrganizations: docs/reconciler.md has its figures.
func TestTenThousandOrganizations(t *testing.T) { scale(t, 10_000, 5*time.Minute) }
