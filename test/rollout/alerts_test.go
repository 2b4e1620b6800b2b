package rollout

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// alert is a rule of Prometheus.
type alert struct{ Alert, Expr, For string }

// The chart installs the alerts that docs/operating.md explains.
func TestAlertsAreThoseOfTheDocument(t *testing.T) {
	t.Parallel()
	const first = "- alert: ManagedcasIsolationBroken"
	_, after, found := strings.Cut(read(t, "../../docs/operating.md"), first)
	if !found {
		t.Fatalf("there is no %s", first)
	}
	block, _, _ := strings.Cut(first+after, "```")
	var want, got []alert
	unmarshal(t, block, &want)
	unmarshal(t, read(t, "../../deploy/helm/managedcas/alerts.yaml"), &got)
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 5 {
		t.Errorf("(-document +chart):\n%s", diff)
	}
}
