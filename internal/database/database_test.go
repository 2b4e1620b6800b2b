package database_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// diff compares, with organization ids and digests as the values that they are.
func diff(want, got any) string {
	return cmp.Diff(want, got, cmp.Comparer(func(a, b org.ID) bool { return a == b }), cmp.Comparer(func(a, b digest.Digest) bool { return a == b }))
}

func TestMain(m *testing.M) { databasetest.Main(m, database.Migrate) }

func openAt(t *testing.T, path string) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), path)
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

func create(t *testing.T, db *database.DB, name org.Name) org.Organization {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Microsecond)
	o := org.Organization{ID: org.NewID(), Name: name, State: org.Pending, CreatedAt: now, UpdatedAt: now}
	if err := db.CreateOrganization(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestFileIsItsOwners(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "managedcas.db")
	create(t, openAt(t, path), "acme") // so that the WAL exists
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) < 2 {
		t.Fatalf("files %v, %v: want the database and its WAL", files, err)
	}
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		if perm := info.Mode().Perm(); perm != 0o600 {
			t.Errorf("%s is %v, want -rw-------", filepath.Base(f), perm)
		}
	}
}

func TestOrganizationIsBornWithItsBackend(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		o := create(t, db, "acme")

		// A second process on the same database sees the same.
		for _, db := range []*database.DB{db, openAt(t, target)} {
			for _, read := range []func() (org.Organization, error){
				func() (org.Organization, error) { return db.OrganizationByID(t.Context(), o.ID) },
				func() (org.Organization, error) { return db.OrganizationByName(t.Context(), "acme") },
			} {
				got, err := read()
				if err != nil {
					t.Fatal(err)
				}
				if d := diff(o, got); d != "" {
					t.Errorf("organization (-want +got):\n%s", d)
				}
			}
			backends, err := db.Backends(t.Context(), o.ID)
			if err != nil || len(backends) != 1 {
				t.Fatalf("backends %v, %v", backends, err)
			}
			want := registry.Backend{
				ID: backends[0].ID, Org: o.ID, Name: "chainloop-cloud-storage", Managed: true, Default: true,
				Status: registry.BackendPending, CreatedAt: o.CreatedAt, UpdatedAt: o.CreatedAt,
			}
			if d := diff(want, backends[0]); d != "" {
				t.Errorf("backend (-want +got):\n%s", d)
			}
		}
	})
}

func TestNamesAreUniqueAmongTheLiving(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		first := create(t, db, "acme")
		again := org.Organization{ID: org.NewID(), Name: "acme", State: org.Pending, CreatedAt: time.Now()}
		if err := db.CreateOrganization(t.Context(), again); !errors.Is(err, registry.ErrExists) {
			t.Fatalf("second acme: %v, want ErrExists", err)
		}
		if backends, err := db.Backends(t.Context(), again.ID); err != nil || len(backends) != 0 {
			t.Errorf("the refused organization left %v, %v behind", backends, err)
		}
		for _, next := range []org.State{org.Deleting, org.Deleted} {
			if _, err := db.SetOrganizationState(t.Context(), first.ID, next, ""); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := db.OrganizationByName(t.Context(), "acme"); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("a deleted organization answers to its name: %v", err)
		}
		if err := db.CreateOrganization(t.Context(), again); err != nil {
			t.Errorf("the name of a deleted organization is not free: %v", err)
		}
	})
}

func TestSetOrganizationState(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		o := create(t, db, "acme")
		ready, err := db.SetOrganizationState(t.Context(), o.ID, org.Ready, "")
		if err != nil || ready.State != org.Ready || !ready.UpdatedAt.After(o.UpdatedAt) {
			t.Fatalf("%+v, %v", ready, err)
		}
		again, err := db.SetOrganizationState(t.Context(), o.ID, org.Ready, "")
		if d := diff(ready, again); err != nil || d != "" {
			t.Errorf("repeating the state changed it: %v\n%s", err, d)
		}
		if _, err := db.SetOrganizationState(t.Context(), o.ID, org.Deleted, ""); !errors.Is(err, org.ErrTransition) {
			t.Errorf("ready → deleted: %v, want ErrTransition", err)
		}
		if _, err := db.SetOrganizationState(t.Context(), org.NewID(), org.Ready, ""); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("unknown organization: %v, want ErrNotFound", err)
		}
		if got, _ := db.OrganizationByID(t.Context(), o.ID); got.State != org.Ready {
			t.Errorf("refused changes left state %s", got.State)
		}
	})
}

func TestPages(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		pending := map[org.ID]bool{}
		for i := range 7 {
			o := create(t, db, org.Name(fmt.Sprintf("org-%d", i)))
			if pending[o.ID] = i%2 == 0; !pending[o.ID] {
				if _, err := db.SetOrganizationState(t.Context(), o.ID, org.Ready, ""); err != nil {
					t.Fatal(err)
				}
			}
		}
		var names []org.Name
		for after := org.Name(""); ; {
			page, err := db.ListOrganizations(t.Context(), after, 3)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			for _, o := range page {
				names = append(names, o.Name)
			}
			after = page[len(page)-1].Name
		}
		want := []org.Name{"org-0", "org-1", "org-2", "org-3", "org-4", "org-5", "org-6"}
		if d := diff(want, names); d != "" {
			t.Errorf("names (-want +got):\n%s", d)
		}

		seen := map[org.ID]bool{}
		for after := (org.ID{}); ; {
			page, err := db.OrganizationsToReconcile(t.Context(), after, 2, org.Pending, org.Deleting)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			for _, o := range page {
				if seen[o.ID] || !pending[o.ID] {
					t.Errorf("%s (%s) does not belong on this page", o.Name, o.State)
				}
				seen[o.ID] = true
			}
			after = page[len(page)-1].ID
		}
		if len(seen) != 4 {
			t.Errorf("%d pending organizations, want 4", len(seen))
		}
		if all, err := db.OrganizationsToReconcile(t.Context(), org.ID{}, 100); err != nil || len(all) != 7 {
			t.Errorf("a full pass visits %d organizations, %v; want 7", len(all), err)
		}
	})
}

func TestSaveManagedBackendIsIdempotent(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		o := create(t, db, "acme")
		var wg sync.WaitGroup
		for range 8 { // reconcilers of several processes
			wg.Go(func() {
				if err := db.SaveManagedBackend(t.Context(), o.ID); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		backends, err := db.Backends(t.Context(), o.ID)
		if err != nil || len(backends) != 1 {
			t.Fatalf("%v, %v", backends, err)
		}
		b := backends[0]
		if !b.Default || !b.Managed || b.Status != registry.BackendValid || b.ValidatedAt.IsZero() {
			t.Errorf("%+v", b)
		}
		if err := db.SaveManagedBackend(t.Context(), org.NewID()); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("unknown organization: %v, want ErrNotFound", err)
		}
	})
}

func TestSecretsBelongToOneOrganization(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		a, b := create(t, db, "acme"), create(t, db, "globex")
		for _, document := range []string{`{"v":1}`, `{"v":2}`} {
			if err := db.PutSecret(t.Context(), a.ID, "s", []byte(document)); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := db.Secret(t.Context(), a.ID, "s"); err != nil || string(got) != `{"v":2}` {
			t.Errorf("%s, %v", got, err)
		}
		if _, err := db.Secret(t.Context(), b.ID, "s"); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("globex reads a secret it does not have: %v", err)
		}
		for range 2 {
			if err := db.DeleteSecret(t.Context(), a.ID, "s"); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestTokens(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		o := create(t, db, "acme")
		now := time.Now().UTC().Truncate(time.Microsecond)
		mine := registry.Token{ID: uuid.New(), Sum: [32]byte{1}, Org: o.ID, Name: "ci", CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
		instance := registry.Token{ID: uuid.New(), Sum: [32]byte{2}, Name: "ci", CreatedAt: now}
		for _, token := range []registry.Token{mine, instance} {
			if err := db.CreateToken(t.Context(), token); err != nil {
				t.Fatal(err)
			}
			got, err := db.Token(t.Context(), token.ID)
			if d := diff(token, got); err != nil || d != "" {
				t.Errorf("%v\n%s", err, d)
			}
			same := token
			same.ID, same.Sum = uuid.New(), [32]byte{9, token.Sum[0]}
			if err := db.CreateToken(t.Context(), same); !errors.Is(err, registry.ErrExists) {
				t.Errorf("second living token of one name: %v, want ErrExists", err)
			}
			list, err := db.Tokens(t.Context(), token.Org)
			if d := diff([]registry.Token{token}, list); err != nil || d != "" {
				t.Errorf("%v\n%s", err, d)
			}
		}
		for range 2 {
			if err := db.RevokeToken(t.Context(), mine.ID, now); err != nil {
				t.Fatal(err)
			}
			now = now.Add(time.Minute)
		}
		if err := db.TouchToken(t.Context(), instance.ID, now); err != nil {
			t.Fatal(err)
		}
		if got, err := db.Token(t.Context(), mine.ID); err != nil || !got.RevokedAt.Equal(mine.CreatedAt) {
			t.Errorf("revoked at %v, %v; want the first time, %v", got.RevokedAt, err, mine.CreatedAt)
		}
		if got, err := db.Token(t.Context(), instance.ID); err != nil || !got.LastUsedAt.Equal(now) {
			t.Errorf("used at %v, %v", got.LastUsedAt, err)
		}
		for _, call := range []func(context.Context, uuid.UUID, time.Time) error{db.RevokeToken, db.TouchToken} {
			if err := call(t.Context(), uuid.New(), now); !errors.Is(err, registry.ErrNotFound) {
				t.Errorf("unknown token: %v, want ErrNotFound", err)
			}
		}
	})
}

func TestSigningKeysRotate(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		now := time.Now().UTC().Truncate(time.Microsecond)
		key := func(id string) registry.SigningKey {
			now = now.Add(time.Second)
			return registry.SigningKey{ID: id, Use: registry.KeyUseCAS, PKCS8: []byte{0, 0xff}, SPKI: []byte(id), CreatedAt: now}
		}
		first, second := key("first"), key("second")
		if err := db.AddSigningKey(t.Context(), first, ""); err != nil {
			t.Fatal(err)
		}
		if err := db.AddSigningKey(t.Context(), second, ""); !errors.Is(err, registry.ErrExists) {
			t.Errorf("second current key: %v, want ErrExists", err)
		}
		second.SignsFrom = second.CreatedAt.Add(time.Hour)
		if err := db.AddSigningKey(t.Context(), second, "first"); err != nil {
			t.Fatal(err)
		}
		if err := db.AddSigningKey(t.Context(), key("third"), "first"); !errors.Is(err, registry.ErrExists) {
			t.Errorf("another successor: %v, want ErrExists", err)
		}
		got, err := db.SigningKeys(t.Context(), registry.KeyUseCAS)
		first.RetiredAt = second.SignsFrom
		if d := diff([]registry.SigningKey{second, first}, got); err != nil || d != "" {
			t.Errorf("%v\n%s", err, d)
		}
		if other, err := db.SigningKeys(t.Context(), registry.KeyUseAPI); err != nil || len(other) != 0 {
			t.Errorf("keys of the other use: %v, %v", other, err)
		}
		for since, want := range map[time.Time]int{first.RetiredAt: 2, first.RetiredAt.Add(time.Second): 1} {
			public, err := db.PublicKeys(t.Context(), registry.KeyUseCAS, since)
			if err != nil || len(public) != want || string(public["second"]) != "second" {
				t.Errorf("public keys since %s: %q, %v, want %d", since, public, err, want)
			}
		}
		if err := db.SetPublicKey(t.Context(), "second", []byte("anew")); err != nil {
			t.Error(err)
		}
		if public, err := db.PublicKeys(t.Context(), registry.KeyUseCAS, now); err != nil || string(public["second"]) != "anew" {
			t.Errorf("public keys: %q, %v", public, err)
		}
	})
}
