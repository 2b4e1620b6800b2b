package database

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/registry"
)

// TestCraftingStatesAreBounded: an organization keeps so many, of which a run that has one
// takes no more, and those of expired runs go when one more comes: nobody ends such a run.
func TestCraftingStatesAreBounded(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db, o, now := openTarget(t, target), newOrganization(), instant(time.Now())
		if err := db.CreateOrganization(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		w, err := db.FindOrCreateWorkflow(t.Context(), registry.NewWorkflow{
			Org: o.ID, Project: "shop", Name: "build", Contract: registry.NewContract{Name: "c", Format: registry.ContractJSON, Body: "{}"},
		})
		if err != nil {
			t.Fatal(err)
		}
		begin := func(n int, expires time.Time) []runRow {
			rows := make([]runRow, n)
			for i := range rows {
				rows[i] = runRow{ID: uuid.NewString(), OrgID: o.ID.String(), WorkflowID: w.ID.String(), ContractRevision: 1, State: "initialized", CreatedAt: now, ExpiresAt: instant(expires)}
			}
			return rows
		}
		living, expired := begin(registry.MaxCraftingStates+1, now.Add(time.Hour)), begin(5, now.Add(-time.Hour))
		var states []craftingStateRow
		for _, run := range slices.Concat(living[:registry.MaxCraftingStates-1], expired) {
			states = append(states, craftingStateRow{RunID: run.ID, OrgID: run.OrgID, Body: "", Digest: digest.Of(nil).String(), UpdatedAt: now})
		}
		for chunk := range slices.Chunk(slices.Concat(living, expired), 500) {
			if _, err := db.write.NewInsert().Model(&chunk).Exec(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for chunk := range slices.Chunk(states, 500) {
			if _, err := db.write.NewInsert().Model(&chunk).Exec(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		save := func(run runRow) error {
			state := registry.CraftingState{Body: fmt.Append(nil, run.ID), Digest: digest.Of([]byte(run.ID))}
			return db.SaveCraftingState(t.Context(), o.ID, uuid.MustParse(run.ID), digest.Digest{}, state)
		}
		last := living[registry.MaxCraftingStates-1:]
		if err := save(last[0]); err != nil {
			t.Errorf("the last one: %v", err)
		}
		if _, err := db.CraftingState(t.Context(), o.ID, uuid.MustParse(expired[0].ID)); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("that of an expired run: %v", err)
		}
		if err := save(last[1]); !errors.Is(err, registry.ErrTooMany) {
			t.Errorf("one more: %v", err)
		}
		if err := save(last[0]); err != nil {
			t.Errorf("one that there is, changed: %v", err)
		}
		if err := db.DeleteCraftingState(t.Context(), o.ID, uuid.MustParse(last[0].ID)); err != nil {
			t.Fatal(err)
		}
		if err := save(last[1]); err != nil {
			t.Errorf("when there is one less: %v", err)
		}
	})
}
