package database

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// organizationWithWorkflow returns an organization that has workflow build in project shop.
func organizationWithWorkflow(t *testing.T, db *DB) (org.Organization, registry.Workflow) {
	t.Helper()
	o := newOrganization()
	if err := db.CreateOrganization(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	w, err := db.FindOrCreateWorkflow(t.Context(), newWorkflow(o, "build"))
	if err != nil {
		t.Fatal(err)
	}
	return o, w
}

func newWorkflow(o org.Organization, name string) registry.NewWorkflow {
	return registry.NewWorkflow{Org: o.ID, Project: "shop", Name: name, Contract: registry.NewContract{Name: "c", Format: registry.ContractJSON, Body: "{}"}}
}

func TestWorkflowsAreBounded(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openTarget(t, target)
		o, _ := organizationWithWorkflow(t, db)
		var contract contractRow
		if err := db.read.NewSelect().Model(&contract).Scan(t.Context()); err != nil {
			t.Fatal(err)
		}
		var rows []workflowRow
		for n := range registry.MaxWorkflows - 2 {
			rows = append(rows, workflowRow{ID: uuid.NewString(), OrgID: o.ID.String(), Project: "shop", Name: fmt.Sprint("w", n), ContractID: contract.ID, CreatedAt: instant(time.Now())})
		}
		insert(t, db, rows)
		if _, err := db.FindOrCreateWorkflow(t.Context(), newWorkflow(o, "last")); err != nil {
			t.Errorf("the last one that there may be: %v", err)
		}
		if _, err := db.FindOrCreateWorkflow(t.Context(), newWorkflow(o, "more")); !errors.Is(err, registry.ErrTooMany) {
			t.Errorf("one more: %v, want ErrTooMany", err)
		}
		if _, err := db.FindOrCreateWorkflow(t.Context(), newWorkflow(o, "last")); err != nil {
			t.Errorf("one that is there: %v", err)
		}
	})
}

// What clients keep here is bounded, and goes when the time of its run is over, whether or not
// they ever come back.
func TestCraftingStatesAreBounded(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		ctx, db := t.Context(), openTarget(t, target)
		o, w := organizationWithWorkflow(t, db)
		fill := func(n int, expires time.Time) {
			var runs []runRow
			var states []craftingStateRow
			for range n {
				run := runRow{ID: uuid.NewString(), OrgID: o.ID.String(), WorkflowID: w.ID.String(), ContractRevision: 1, State: "initialized", CreatedAt: instant(time.Now()), ExpiresAt: instant(expires)}
				runs = append(runs, run)
				states = append(states, craftingStateRow{RunID: run.ID, OrgID: run.OrgID, Digest: "x", UpdatedAt: run.CreatedAt})
			}
			insert(t, db, runs)
			insert(t, db, states)
		}
		fill(10, time.Now().Add(-time.Second))
		fill(registry.MaxCraftingStates-1, time.Now().Add(time.Hour))
		save := func(run uuid.UUID) error {
			body := []byte("state")
			return db.SaveCraftingState(ctx, o.ID, run, digest.Digest{}, registry.CraftingState{Body: body, Digest: digest.Of(body)})
		}
		begin := func() uuid.UUID {
			t.Helper()
			_, run, err := db.CreateRun(ctx, registry.NewRun{Org: o.ID, Project: "shop", Name: "build", Lifetime: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			return run.ID
		}
		last := begin()
		for range 2 {
			if err := save(last); err != nil {
				t.Errorf("the last one that there may be: %v", err)
			}
		}
		if err := save(begin()); !errors.Is(err, registry.ErrTooMany) {
			t.Errorf("one more: %v, want ErrTooMany", err)
		}
		if n, err := db.read.NewSelect().Model((*craftingStateRow)(nil)).Count(ctx); err != nil || n != registry.MaxCraftingStates {
			t.Errorf("%d states, %v", n, err)
		}
	})
}

// A purge takes what clients kept here, too.
func TestAPurgeTakesCraftingStates(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		ctx, db := t.Context(), openTarget(t, target)
		o, _ := organizationWithWorkflow(t, db)
		_, run, err := db.CreateRun(ctx, registry.NewRun{Org: o.ID, Project: "shop", Name: "build", Lifetime: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.SaveCraftingState(ctx, o.ID, run.ID, digest.Digest{}, registry.CraftingState{Body: []byte("x"), Digest: digest.Of([]byte("x"))}); err != nil {
			t.Fatal(err)
		}
		for _, state := range []org.State{org.Deleting, org.Deleted} {
			if _, err := db.SetOrganizationState(ctx, o.ID, state, ""); err != nil {
				t.Fatal(err)
			}
		}
		later := time.Now().Add(time.Hour)
		for _, err := range []error{db.RetainObjects(ctx, o.ID, 0), db.BeginPurge(ctx, o.ID, later, time.Minute), db.FinishPurge(ctx, o.ID, later)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := db.CraftingState(ctx, o.ID, run.ID); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("the state of a purged organization: %v, want ErrNotFound", err)
		}
	})
}
