package reconcile_test

import (
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/emulator/faults"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/reconcile"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/secretstore"
	"github.com/managedcas/managedcas/internal/tenancy"
	"github.com/managedcas/managedcas/test/vault"
)

// secretStore is a store of coordinates with what happens to it.
type secretStore struct {
	store  reconcile.Secrets
	damage func(t *testing.T, id org.ID)
	// down makes it fail, up ends that; nil: the world's database fails with everything.
	down, up func(t *testing.T)
}

func (w *world) secretStores(t *testing.T) map[string]secretStore {
	t.Helper()
	manager, err := secretstore.NewSecretsManager(w.cloud(t, w.identity, w.network), w.in)
	if err != nil {
		t.Fatal(err)
	}
	fault := func(t *testing.T, rules ...faults.Rule) {
		t.Helper()
		if err := w.aws.Faults().Replace(faults.Plan{Rules: rules}); err != nil {
			t.Fatal(err)
		}
	}
	server := vault.New()
	listening := httptest.NewServer(server)
	t.Cleanup(listening.Close)
	file := filepath.Join(t.TempDir(), "token")
	token := server.Token(vault.Grant{Paths: []string{"secret/data/cas/", "secret/metadata/cas/"}, TTL: time.Hour})
	if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	inVault, err := secretstore.NewVault(secretstore.VaultConfig{
		Address: listening.URL, Mount: vault.Mount, PathPrefix: "cas",
		Login: secretstore.VaultLogin{Method: secretstore.VaultTokenFile, File: file},
	})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]secretStore{
		"database": {
			store: secretstore.NewDatabase(w.db),
			damage: func(t *testing.T, id org.ID) {
				t.Helper()
				if err := w.db.PutSecret(t.Context(), id, tenancy.StorageBackendName, []byte("{")); err != nil {
					t.Fatal(err)
				}
			},
		},
		"vault": {
			store: inVault,
			damage: func(_ *testing.T, id org.ID) {
				server.Plant("cas/"+id.String(), map[string]any{"SecretAccessKey": "x"})
			},
			down: func(*testing.T) { server.Seal(true) },
			up:   func(*testing.T) { server.Seal(false) },
		},
		"Secrets Manager": {
			store: manager,
			damage: func(t *testing.T, id org.ID) {
				t.Helper()
				tenant := w.in.Tenant(id)
				secret := cloud.Secret{Name: tenant.SecretName(), ARN: tenant.SecretARN()}
				if err := w.root.PutSecret(t.Context(), secret, []byte("{")); err != nil {
					t.Fatal(err)
				}
			},
			down: func(t *testing.T) { fault(t, faults.Rule{Service: "secretsmanager", Kind: faults.Failure}) },
			up:   func(t *testing.T) { fault(t) },
		},
	}
}

// Whatever the driver: a document that is damaged, another organization's or gone is
// written anew, and none is left when the organization goes, not even a damaged one.
func TestI7DocumentsAreRepairedInEveryStore(t *testing.T) {
	t.Parallel()
	shared := newWorld(t)
	for name, s := range shared.secretStores(t) {
		w := *shared
		w.secrets = s.store
		t.Run(name, func(t *testing.T) {
			o := w.organization(t)
			r := w.reconciler(t, w.network)
			own := w.in.Tenant(o.ID).Coordinates()
			for what, drift := range map[string]func(){
				"nothing yet": func() {},
				"damaged":     func() { s.damage(t, o.ID) },
				"another organization's": func() {
					if err := s.store.PutCoordinates(t.Context(), o.ID, w.in.Tenant(org.NewID()).Coordinates()); err != nil {
						t.Fatal(err)
					}
				},
				"gone": func() {
					if err := s.store.DeleteCoordinates(t.Context(), o.ID); err != nil {
						t.Fatal(err)
					}
				},
			} {
				drift()
				if err := r.Reconcile(t.Context(), o.ID); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				if got, err := s.store.Coordinates(t.Context(), o.ID); err != nil || got != own {
					t.Errorf("%s: %v, %v", what, got, err)
				}
			}
			w.settled(t, o.ID, org.Ready)

			s.damage(t, o.ID)
			if _, err := w.db.SetOrganizationState(t.Context(), o.ID, org.Deleting, ""); err != nil {
				t.Fatal(err)
			}
			if err := r.Reconcile(t.Context(), o.ID); err != nil {
				t.Fatal(err)
			}
			w.settled(t, o.ID, org.Deleted)
			if _, err := s.store.Coordinates(t.Context(), o.ID); !errors.Is(err, registry.ErrNotFound) {
				t.Errorf("left behind: %v", err)
			}
		})
	}
}

// While the store is down everything else is repaired, and no organization counts as
// deleted whose document may still be there.
func TestI7OutageOfTheStore(t *testing.T) {
	t.Parallel()
	shared := newWorld(t)
	for name, s := range shared.secretStores(t) {
		if s.down == nil {
			continue // the database is also where organizations are: nothing goes on
		}
		w := *shared
		w.secrets = s.store
		t.Run(name, func(t *testing.T) {
			leaving, staying := w.organization(t), w.organization(t)
			r := w.reconciler(t, w.network)
			for _, o := range []org.Organization{leaving, staying} {
				if err := r.Reconcile(t.Context(), o.ID); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := w.db.SetOrganizationState(t.Context(), leaving.ID, org.Deleting, ""); err != nil {
				t.Fatal(err)
			}
			if err := w.root.DeletePolicy(t.Context(), w.in.Tenant(staying.ID).SessionPolicyARN()); err != nil {
				t.Fatal(err)
			}
			s.down(t)
			for _, o := range []org.Organization{leaving, staying} {
				step, err := r.Plan(t.Context(), o)
				if err != nil || len(step) == 0 {
					t.Fatalf("%v, %v", step, err)
				}
				// One round, not eight: the store does not come back meanwhile.
				if err := r.Round(t.Context(), o.ID); err == nil || !cloud.Transient(err) && !errors.Is(err, registry.ErrUnavailable) {
					t.Errorf("down: %v", err)
				}
			}
			if o, err := w.db.OrganizationByID(t.Context(), leaving.ID); err != nil || o.State != org.Deleting {
				t.Errorf("%s, %v; want deleting", o.State, err)
			}
			if _, _, err := w.root.Policy(t.Context(), w.in.Tenant(staying.ID).SessionPolicyARN()); err != nil {
				t.Errorf("the session policy was not repaired: %v", err)
			}
			s.up(t)
			for id, want := range map[org.ID]org.State{leaving.ID: org.Deleted, staying.ID: org.Ready} {
				if err := r.Reconcile(t.Context(), id); err != nil {
					t.Fatal(err)
				}
				w.settled(t, id, want)
			}
			if _, err := s.store.Coordinates(t.Context(), leaving.ID); !errors.Is(err, registry.ErrNotFound) {
				t.Errorf("left behind: %v", err)
			}
		})
	}
}

// With another driver the next reconciliation writes the document to it; what the old
// store holds is the operator's to remove (docs/secret-stores.md).
func TestMovingToAnotherStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stores := w.secretStores(t)
	o := w.organization(t)
	for _, name := range []string{"database", "vault", "Secrets Manager", "database"} {
		moved := *w
		moved.secrets = stores[name].store
		if err := moved.reconciler(t, w.network).Reconcile(t.Context(), o.ID); err != nil {
			t.Fatal(err)
		}
		moved.settled(t, o.ID, org.Ready)
	}
	for name, s := range stores {
		if got, err := s.store.Coordinates(t.Context(), o.ID); err != nil || got != w.in.Tenant(o.ID).Coordinates() {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
