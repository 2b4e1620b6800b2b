package database_test

import (
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/registry"
)

// What is attested, by which workflow and with what contract, is recorded; what a client says
// again is not.
func TestAttestationsAreAudited(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		acme := create(t, db, "acme")
		begun := len(chain(t, db, audit.Of(acme.ID)))
		run := beginRun(t, db, acme.ID, time.Hour, registry.VersionChoice{Name: "v1"})
		bundle := registry.Attestation{Run: run.ID, Org: acme.ID, Digest: digest.Of([]byte("bundle")), Size: 6, Released: true}
		other := beginRun(t, db, acme.ID, time.Hour, registry.VersionChoice{})
		for range 2 {
			wantError(t, "bundle", db.StoreAttestation(t.Context(), bundle), nil)
			wantError(t, "cancel", db.CancelRun(t.Context(), acme.ID, other.ID, registry.RunFailed, "whatever a client says"), nil)
		}
		type record struct {
			Action, Object string
			Details        map[string]string
		}
		var got []record
		for _, r := range chain(t, db, audit.Of(acme.ID))[begun:] {
			got = append(got, record{r.Action, r.Object, r.Details})
		}
		if len(got) != 6 {
			t.Fatalf("%d records: %+v", len(got), got)
		}
		got[0].Object, got[1].Object = "", "" // the ids of rows
		want := []record{
			{audit.ContractCreate, "", map[string]string{"name": "shop-build", "revision": "1"}},
			{audit.WorkflowCreate, "", map[string]string{"name": "shop/build", "contract": "shop-build"}},
			{audit.RunCreate, "run/" + run.ID.String(), map[string]string{"workflow": "shop/build", "version": "v1"}},
			{audit.RunCreate, "run/" + other.ID.String(), map[string]string{"workflow": "shop/build"}},
			{audit.RunFinish, "run/" + run.ID.String(), map[string]string{"state": "succeeded", "artifact": bundle.Digest.String(), "released": "true"}},
			{audit.RunFinish, "run/" + other.ID.String(), map[string]string{"state": "failed"}},
		}
		if d := diff(want, got); d != "" {
			t.Errorf("records (-want +got):\n%s", d)
		}
	})
}
