package database_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

func wantError(t *testing.T, what string, err, is error) {
	t.Helper()
	if !errors.Is(err, is) {
		t.Errorf("%s: %v, want %v", what, err, is)
	}
}

func newContract(name, body string) registry.NewContract {
	return registry.NewContract{Name: name, Format: registry.ContractJSON, Body: body}
}

// beginRun begins a run of workflow build in project shop.
func beginRun(t *testing.T, db *database.DB, id org.ID, lifetime time.Duration, version registry.VersionChoice) registry.Run {
	t.Helper()
	_, err := db.FindOrCreateWorkflow(t.Context(), registry.NewWorkflow{Org: id, Project: "shop", Name: "build", Contract: newContract("shop-build", "{}")})
	if err != nil {
		t.Fatal(err)
	}
	_, run, err := db.CreateRun(t.Context(), registry.NewRun{Org: id, Project: "shop", Name: "build", Version: version, Lifetime: lifetime})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// Workflows share contracts by name; a document that differs is another revision, and
// what a workflow has it keeps.
func TestWorkflowsAndContracts(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		acme, globex := create(t, db, "acme"), create(t, db, "globex")
		want := func(owner org.ID, name string, c registry.NewContract, revision int) {
			t.Helper()
			w, err := db.FindOrCreateWorkflow(t.Context(), registry.NewWorkflow{Org: owner, Project: "shop", Name: name, Contract: c})
			if err != nil || w.Org != owner || w.Name != name || w.Project != "shop" || w.Contract != "shared" || w.Revision != revision {
				t.Errorf("%s: %+v, %v", name, w, err)
			}
		}
		_, err := db.FindOrCreateWorkflow(t.Context(), registry.NewWorkflow{Org: acme.ID, Project: "shop", Name: "a", Contract: newContract("shared", "")})
		wantError(t, "a contract that is not there", err, registry.ErrNoContract)
		want(acme.ID, "a", newContract("shared", "one"), 1)
		want(acme.ID, "a", newContract("other", "two"), 1) // it is there
		want(acme.ID, "b", newContract("shared", "one"), 1)
		want(acme.ID, "c", newContract("shared", "two"), 2)
		want(acme.ID, "d", newContract("shared", ""), 2)
		want(acme.ID, "a", newContract("shared", ""), 2)
		want(globex.ID, "a", newContract("shared", "theirs"), 1)
		for revision, body := range map[int]string{0: "two", 1: "one", 2: "two"} {
			w, c, err := db.Contract(t.Context(), acme.ID, "shop", "a", revision)
			if err != nil || c.Body != body || w.Revision != 2 || c.Name != "shared" {
				t.Errorf("revision %d: %+v, %+v, %v", revision, w, c, err)
			}
		}
		_, _, err = db.Contract(t.Context(), acme.ID, "shop", "a", 3)
		wantError(t, "revision 3", err, registry.ErrNoRevision)
		_, _, err = db.Contract(t.Context(), globex.ID, "shop", "b", 0)
		wantError(t, "another organization's workflow", err, registry.ErrNoWorkflow)
	})
}

// Of many who create a workflow at once, all get the same.
func TestWorkflowsAreCreatedOnce(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		acme := create(t, db, "acme")
		ids := make([]uuid.UUID, 8)
		var all sync.WaitGroup
		for i := range ids {
			all.Go(func() {
				w, err := db.FindOrCreateWorkflow(t.Context(), registry.NewWorkflow{Org: acme.ID, Project: "shop", Name: "a", Contract: newContract("c", "{}")})
				if err != nil {
					t.Error(err)
				}
				ids[i] = w.ID
			})
		}
		all.Wait()
		for _, id := range ids {
			if id != ids[0] || id == uuid.Nil {
				t.Errorf("ids %v", ids)
			}
		}
	})
}

// A run ends once: with one bundle, or cancelled, or because its time is over.
func TestRunsEndOnce(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		ctx := t.Context()
		acme, globex := create(t, db, "acme"), create(t, db, "globex")
		run := beginRun(t, db, acme.ID, time.Hour, registry.VersionChoice{Name: "v1"})
		bundle := registry.Attestation{Run: run.ID, Org: acme.ID, Digest: digest.Of([]byte("bundle")), Size: 6, PredicateType: "p", StoredBy: "ci", Released: true}
		theirs, other := bundle, bundle
		theirs.Org, other.Digest = globex.ID, digest.Of([]byte("other"))
		_, err := db.Run(ctx, globex.ID, run.ID)
		wantError(t, "another organization's run", err, registry.ErrNotFound)
		wantError(t, "bundle for another organization's run", db.StoreAttestation(ctx, theirs), registry.ErrNotFound)
		wantError(t, "cancel another organization's run", db.CancelRun(ctx, globex.ID, run.ID, registry.RunFailed, ""), registry.ErrNotFound)
		for range 2 {
			wantError(t, "bundle", db.StoreAttestation(ctx, bundle), nil)
		}
		wantError(t, "another bundle", db.StoreAttestation(ctx, other), registry.ErrRunFinished)
		wantError(t, "cancel what succeeded", db.CancelRun(ctx, acme.ID, run.ID, registry.RunCancelled, ""), registry.ErrRunFinished)
		if r, err := db.Run(ctx, acme.ID, run.ID); err != nil || r.State != registry.RunSucceeded || r.Bundle != bundle.Digest || r.FinishedAt.IsZero() {
			t.Errorf("%+v, %v", r, err)
		}
		if next := beginRun(t, db, acme.ID, time.Hour, registry.VersionChoice{Latest: true}); next.Version.Name != "v1" || next.Version.ReleasedAt.IsZero() {
			t.Errorf("version %+v, want a released v1", next.Version)
		}

		cancelled := beginRun(t, db, acme.ID, time.Hour, registry.VersionChoice{})
		for range 2 {
			wantError(t, "cancel", db.CancelRun(ctx, acme.ID, cancelled.ID, registry.RunCancelled, "enough"), nil)
		}
		bundle.Run = cancelled.ID
		wantError(t, "bundle of a cancelled run", db.StoreAttestation(ctx, bundle), registry.ErrRunFinished)
		if r, err := db.Run(ctx, acme.ID, cancelled.ID); err != nil || r.State != registry.RunCancelled || r.Reason != "enough" {
			t.Errorf("%+v, %v", r, err)
		}

		late := beginRun(t, db, acme.ID, 0, registry.VersionChoice{})
		bundle.Run = late.ID
		wantError(t, "bundle of an expired run", db.StoreAttestation(ctx, bundle), registry.ErrRunFinished)
		if late.StateAt(late.ExpiresAt.Add(-time.Microsecond)) != registry.RunInitialized || late.StateAt(late.ExpiresAt) != registry.RunExpired {
			t.Error("a run expires when its time has come")
		}
	})
}

func TestProjectVersions(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		acme := create(t, db, "acme")
		begin := func(choice registry.VersionChoice) (*registry.ProjectVersion, error) {
			_, run, err := db.CreateRun(t.Context(), registry.NewRun{Org: acme.ID, Project: "shop", Name: "build", Version: choice, Lifetime: time.Hour})
			return run.Version, err
		}
		beginRun(t, db, acme.ID, time.Hour, registry.VersionChoice{})
		for _, choice := range []registry.VersionChoice{{Latest: true}, {Name: "v1", MustExist: true}} {
			_, err := begin(choice)
			wantError(t, "a version that is not there", err, registry.ErrNoVersion)
		}
		for i, step := range []struct {
			choice registry.VersionChoice
			name   string
			latest bool
		}{
			{registry.VersionChoice{Name: "v1"}, "v1", true},
			{registry.VersionChoice{Name: "v2"}, "v2", true},
			{registry.VersionChoice{Name: "v3", NotLatest: true}, "v3", false},
			{registry.VersionChoice{Latest: true}, "v2", true},
			{registry.VersionChoice{Name: "v1", MustExist: true}, "v1", false},
			{registry.VersionChoice{Name: "v3", MakeLatest: true}, "v3", true},
			{registry.VersionChoice{Latest: true}, "v3", true},
		} {
			if v, err := begin(step.choice); err != nil || v.Name != step.name || v.Latest != step.latest {
				t.Errorf("step %d: %+v, %v", i, v, err)
			}
		}
	})
}

// A crafting state replaces the one that its writer has seen.
func TestCraftingStates(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		ctx := t.Context()
		acme, globex := create(t, db, "acme"), create(t, db, "globex")
		run := beginRun(t, db, acme.ID, time.Hour, registry.VersionChoice{})
		state := func(text string) registry.CraftingState {
			return registry.CraftingState{Body: []byte(text), Digest: digest.Of([]byte(text))}
		}
		one, two := state("one"), state("two\x00\xff"+strings.Repeat("x", 1<<16))
		save := func(what string, owner org.ID, base digest.Digest, next registry.CraftingState, is error) {
			t.Helper()
			wantError(t, what, db.SaveCraftingState(ctx, owner, run.ID, base, next), is)
		}
		read := func(owner org.ID) error {
			_, err := db.CraftingState(ctx, owner, run.ID)
			return err
		}
		wantError(t, "none", read(acme.ID), registry.ErrNotFound)
		save("on top of nothing", acme.ID, one.Digest, two, registry.ErrStateChanged)
		save("first", acme.ID, digest.Digest{}, one, nil)
		save("second", acme.ID, one.Digest, two, nil)
		save("late", acme.ID, one.Digest, one, registry.ErrStateChanged)
		save("another organization", globex.ID, digest.Digest{}, one, registry.ErrNotFound)
		wantError(t, "another organization", read(globex.ID), registry.ErrNotFound)
		wantError(t, "another organization", db.DeleteCraftingState(ctx, globex.ID, run.ID), nil)
		if got, err := db.CraftingState(ctx, acme.ID, run.ID); err != nil || string(got.Body) != string(two.Body) || got.Digest != two.Digest {
			t.Errorf("%d bytes, %v, %v", len(got.Body), got.Digest, err)
		}
		wantError(t, "cancel", db.CancelRun(ctx, acme.ID, run.ID, registry.RunCancelled, ""), nil)
		wantError(t, "after the end", read(acme.ID), registry.ErrNotFound)
		save("after the end", acme.ID, digest.Digest{}, one, registry.ErrRunFinished)
	})
}
