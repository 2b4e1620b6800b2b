package database

import (
	"database/sql"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// tables are what an engine calls a list of our tables.
var tables = map[string]string{
	"sqlite":   "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose_%'",
	"postgres": "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'goose_%'",
}

// TestMigrationsGoDownAndUpWithData walks every migration down to an empty schema
// and up again, from a database that is in use.
func TestMigrationsGoDownAndUpWithData(t *testing.T) {
	t.Parallel()
	for engine, dialect := range map[string]goose.Dialect{"sqlite": goose.DialectSQLite3, "postgres": goose.DialectPostgres} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			target := databasetest.Target(t, engine)
			db := openTarget(t, target)
			fill := func() {
				t.Helper()
				o := newOrganization()
				if err := db.CreateOrganization(ctx, o); err != nil {
					t.Fatal(err)
				}
				if err := db.PutSecret(ctx, o.ID, "s", []byte(`{}`)); err != nil {
					t.Fatal(err)
				}
				own := registry.NewManagedBackend(o.ID, time.Now())
				own.Name, own.Managed, own.Bucket = "own-bucket", false, bucket
				if err := db.CreateBackend(ctx, own); err != nil {
					t.Fatal(err)
				}
			}
			fill()
			migrator, err := migratorOf(dialect, migratingPool(t, db, target))
			if err != nil {
				t.Fatal(err)
			}
			for { // one at a time, as an operator goes back
				if _, err := migrator.Down(ctx); errors.Is(err, goose.ErrNoNextVersion) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
			}
			var left []string
			if err := db.write.NewRaw(tables[engine]).Scan(ctx, &left); err != nil || len(left) != 0 {
				t.Errorf("down left tables %v, %v", left, err)
			}
			for { // and one at a time up, with what the first has in use before the others come
				if _, err := migrator.UpByOne(ctx); errors.Is(err, goose.ErrNoNextVersion) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
			}
			fill() // the name is free: nothing of the first life is left
		})
	}
}

// TestMigrationsKeepData takes every migration but the first back, and makes it again,
// under rows that the first version can hold.
func TestMigrationsKeepData(t *testing.T) {
	t.Parallel()
	for engine, dialect := range map[string]goose.Dialect{"sqlite": goose.DialectSQLite3, "postgres": goose.DialectPostgres} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			target := databasetest.Target(t, engine)
			db := openTarget(t, target)
			o := newOrganization()
			if err := db.CreateOrganization(ctx, o); err != nil {
				t.Fatal(err)
			}
			if err := db.PutSecret(ctx, o.ID, "s", []byte(`{"v":1}`)); err != nil {
				t.Fatal(err)
			}
			own := registry.NewManagedBackend(o.ID, time.Now())
			own.Name, own.Managed, own.Bucket = "own-bucket", false, bucket
			if err := db.CreateBackend(ctx, own); err != nil {
				t.Fatal(err)
			}
			migrator, err := migratorOf(dialect, migratingPool(t, db, target))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := migrator.DownTo(ctx, 1); err != nil {
				t.Fatal(err)
			}
			if _, err := migrator.Up(ctx); err != nil {
				t.Fatal(err)
			}
			if got, err := db.OrganizationByName(ctx, o.Name); err != nil || got.ID != o.ID {
				t.Errorf("the organization is %v, %v", got, err)
			}
			if got, err := db.Secret(ctx, o.ID, "s"); err != nil || string(got) != `{"v":1}` {
				t.Errorf("the secret is %s, %v", got, err)
			}
			if backends, err := db.Backends(ctx, o.ID); err != nil || len(backends) != 1 || !backends[0].Default {
				t.Errorf("the backends are %v, %v, want the managed one, the default again", backends, err)
			}
		})
	}
}

// TestRolesStartTogether opens one new database many times at once, as roles do that
// start at the same moment. One migrates.
func TestRolesStartTogether(t *testing.T) {
	t.Parallel()
	for engine, target := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "managedcas.db") },
		"postgres": databasetest.EmptyPostgres,
	} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			target := target(t)
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					if err := Migrate(t.Context(), target); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			var versions, distinct int
			err := openTarget(t, target).read.NewRaw("SELECT count(*), count(DISTINCT version_id) FROM goose_db_version").
				Scan(t.Context(), &versions, &distinct)
			if err != nil || versions != distinct || versions < 2 {
				t.Errorf("%d migrations of %d versions, %v", versions, distinct, err)
			}
		})
	}
}

// TestSchemaKeepsItsInvariants writes past the code, straight into the tables.
func TestSchemaKeepsItsInvariants(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		ctx := t.Context()
		db := openTarget(t, target)
		o := newOrganization()
		if err := db.CreateOrganization(ctx, o); err != nil {
			t.Fatal(err)
		}
		// Others, of which one has no managed backend.
		other, bare := newOrganization(), newOrganization()
		other.Name, bare.Name = "other", "bare"
		for _, o := range []org.Organization{other, bare} {
			if err := db.CreateOrganization(ctx, o); err != nil {
				t.Fatal(err)
			}
			if err := db.DeleteManagedBackend(ctx, o.ID); err != nil {
				t.Fatal(err)
			}
		}
		for _, tc := range []struct {
			name   string
			change func(*registry.Backend)
			fails  bool
		}{
			{"neither managed nor default", func(b *registry.Backend) { b.Managed, b.Default = false, false }, false},
			{"the fallback", func(b *registry.Backend) { b.Managed, b.Default, b.Fallback = false, false, true }, false},
			{"second fallback", func(b *registry.Backend) { b.Managed, b.Default, b.Fallback = false, false, true }, true},
			{"default and fallback", func(b *registry.Backend) { b.Org, b.Managed, b.Fallback = other.ID, false, true }, true},
			{"own bucket without a role", func(b *registry.Backend) { b.Managed, b.Default, b.Bucket.RoleARN = false, false, "" }, true},
			{"own bucket without an external id", func(b *registry.Backend) { b.Managed, b.Default, b.Bucket.ExternalID = false, false, "" }, true},
			{"managed with coordinates", func(b *registry.Backend) { b.Org, b.Default = bare.ID, false }, true},
			{"second managed", func(b *registry.Backend) { b.Default = false }, true},
			{"second default", func(b *registry.Backend) { b.Managed = false }, true},
			{"unknown organization", func(b *registry.Backend) { b.Org, b.Managed, b.Default = org.NewID(), false, false }, true},
			{"unknown status", func(b *registry.Backend) { b.Status, b.Managed, b.Default = "fine", false, false }, true},
			{"negative limit", func(b *registry.Backend) { b.MaxBytes, b.Managed, b.Default = -1, false, false }, true},
		} {
			b := registry.NewManagedBackend(o.ID, time.Now())
			b.Name, b.Bucket = tc.name, bucket
			tc.change(&b)
			if b.Managed && b.Org != bare.ID {
				b.Bucket = tenancy.OwnBucket{}
			}
			row := rowOfBackend(b)
			if _, err := db.write.NewInsert().Model(&row).Exec(ctx); (err != nil) != tc.fails {
				t.Errorf("%s: %v", tc.name, err)
			}
		}
	})
}

// bucket is complete.
var bucket = tenancy.OwnBucket{Name: "acme-artifacts", Region: "eu-west-1", RoleARN: "arn:aws:iam::999999999999:role/artifacts", ExternalID: "x"}

// TestChosenDefaultStays: what provisioning repeats must not overrule a choice.
func TestChosenDefaultStays(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		ctx := t.Context()
		db := openTarget(t, target)
		o := newOrganization()
		if err := db.CreateOrganization(ctx, o); err != nil {
			t.Fatal(err)
		}
		if _, err := db.write.NewUpdate().Model((*backendRow)(nil)).Set("is_default = FALSE").Where("1 = 1").Exec(ctx); err != nil {
			t.Fatal(err)
		}
		own := registry.NewManagedBackend(o.ID, time.Now())
		own.Name, own.Managed, own.Bucket = "own-bucket", false, bucket
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
	})
}

func openTarget(t *testing.T, target string) *DB {
	t.Helper()
	db, err := Open(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func newOrganization() org.Organization {
	return org.Organization{ID: org.NewID(), Name: "acme", State: org.Pending, CreatedAt: time.Now()}
}

// migratingPool returns connections that are enough for a migration.
func migratingPool(t *testing.T, db *DB, target string) *sql.DB {
	t.Helper()
	if isPostgres(target) {
		return db.write.DB.DB
	}
	pool, err := poolOfSQLite(target, migrators, durable)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	return pool.DB
}
