//go:build long

package isolation_test

import (
	"testing"

	"github.com/managedcas/managedcas/internal/isolation"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// Every mode in every form of names, with any two layers missing at once; see
// TestI8_ArtifactsStayApartWithAnyTwoLayersMissing for what is left out.
//
// In the mode ABAC the session policy and the base role's permissions say the same, by the
// same tag: what is left when both are missing is as strong as in the other modes.
func TestI8_AnyTwoLayersInEveryMode(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		prefix string
		mode   tenancy.SessionPolicyMode
	}{{dashed, tenancy.Inline}, {undashed, tenancy.Inline}, {dashed, tenancy.ABAC}} {
		scheme := isolation.SchemeOf(inMode(t, row.prefix, row.mode), baseRoleID)
		for _, first := range isolation.Layers() {
			report, err := scheme.Without(first).Prove()
			if err != nil {
				t.Fatal(err)
			}
			for _, failure := range report.Failures() {
				if failure.MustAllow || failure.Attempt.Route == "management" || failure.Attempt.Owned {
					continue
				}
				t.Errorf("%s, %s without %s and %s: %+v is %s", row.mode, row.prefix, first, failure.Missing, failure.Attempt, failure.Decision.Result)
			}
		}
	}
}
