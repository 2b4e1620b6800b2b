package database

import (
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// TestMigrationsGoDownAndUpWithData walks every migration down to an empty schema
// and up again, from a database that is in use.
func TestMigrationsGoDownAndUpWithData(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db, err := Open(ctx, filepath.Join(t.TempDir(), "managedcas.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	fill := func() {
		t.Helper()
		o := org.Organization{ID: org.NewID(), Name: "acme", State: org.Pending, CreatedAt: time.Now()}
		if err := db.CreateOrganization(ctx, o); err != nil {
			t.Fatal(err)
		}
		if err := db.PutSecret(ctx, o.ID, "s", []byte(`{}`)); err != nil {
			t.Fatal(err)
		}
	}
	fill()
	migrator, err := db.migrator()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := migrator.DownTo(ctx, 0); err != nil {
		t.Fatal(err)
	}
	var tables []string
	err = db.write.NewSelect().Table("sqlite_master").Column("name").
		Where("type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose_%'").Scan(ctx, &tables)
	if err != nil || len(tables) != 0 {
		t.Errorf("down left tables %v, %v", tables, err)
	}
	if _, err := migrator.Up(ctx); err != nil {
		t.Fatal(err)
	}
	fill() // the name is free: nothing of the first life is left
}

// TestRolesStartTogether opens one new file many times at once, as roles do that start at
// the same moment.
func TestRolesStartTogether(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "managedcas.db")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			db, err := Open(t.Context(), path)
			if err == nil {
				err = db.Close()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// TestSchemaKeepsItsInvariants writes past the code, straight into the tables.
func TestSchemaKeepsItsInvariants(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db, err := Open(ctx, filepath.Join(t.TempDir(), "managedcas.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	o := org.Organization{ID: org.NewID(), Name: "acme", State: org.Pending, CreatedAt: time.Now()}
	if err := db.CreateOrganization(ctx, o); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		change func(*registry.Backend)
		fails  bool
	}{
		{"neither managed nor default", func(b *registry.Backend) { b.Managed, b.Default = false, false }, false},
		{"second managed", func(b *registry.Backend) { b.Default = false }, true},
		{"second default", func(b *registry.Backend) { b.Managed = false }, true},
		{"unknown organization", func(b *registry.Backend) { b.Org, b.Managed, b.Default = org.NewID(), false, false }, true},
		{"unknown status", func(b *registry.Backend) { b.Status, b.Managed, b.Default = "fine", false, false }, true},
		{"negative limit", func(b *registry.Backend) { b.MaxBytes, b.Managed, b.Default = -1, false, false }, true},
	} {
		b := registry.NewManagedBackend(o.ID, time.Now())
		b.Name = tc.name
		tc.change(&b)
		row := rowOfBackend(b)
		if _, err := db.write.NewInsert().Model(&row).Exec(ctx); (err != nil) != tc.fails {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

// TestChosenDefaultStays: what provisioning repeats must not overrule a choice.
func TestChosenDefaultStays(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db, err := Open(ctx, filepath.Join(t.TempDir(), "managedcas.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	o := org.Organization{ID: org.NewID(), Name: "acme", State: org.Pending, CreatedAt: time.Now()}
	if err := db.CreateOrganization(ctx, o); err != nil {
		t.Fatal(err)
	}
	if _, err := db.write.NewUpdate().Model((*backendRow)(nil)).Set("is_default = FALSE").Where("1 = 1").Exec(ctx); err != nil {
		t.Fatal(err)
	}
	own := registry.NewManagedBackend(o.ID, time.Now())
	own.Name, own.Managed = "own-bucket", false
	row := rowOfBackend(own)
	if _, err := db.write.NewInsert().Model(&row).Exec(ctx); err != nil {
		t.Fatal(err)
	}
	if err := db.SaveManagedBackend(ctx, o.ID); err != nil {
		t.Fatal(err)
	}
	backends, err := db.Backends(ctx, o.ID)
	if err != nil || len(backends) != 2 {
		t.Fatalf("%v, %v", backends, err)
	}
	for _, b := range backends {
		if b.Default != (b.Name == "own-bucket") {
			t.Errorf("%s: default %v", b.Name, b.Default)
		}
	}
}
