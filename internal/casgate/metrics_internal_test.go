package casgate

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/managedcas/managedcas/internal/admission"
)

// An alert on refusals needs their metric before the first one.
func TestRefusalsAreCountedFromZero(t *testing.T) {
	t.Parallel()
	series := make(chan prometheus.Metric, 10)
	NewMetrics().refusals.Collect(series)
	if len(series) != 4 || len(admission.Reasons) != 4 {
		t.Errorf("%d series of %d reasons, want 4", len(series), len(admission.Reasons))
	}
}
