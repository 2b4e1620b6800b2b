package secretstore_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/secretstore"
	"github.com/managedcas/managedcas/internal/tenancy"
	"github.com/managedcas/managedcas/test/vault"
)

// driver is one driver with its store behind it, as the conformance tests need it.
type driver struct {
	in      tenancy.Installation
	backend *secretstore.Store // writes
	cas     *secretstore.Store // reads, with what cas is granted
	// organization returns a new organization that the store may keep.
	organization func(t *testing.T) org.ID
	// plant writes a document behind the driver's back; document reads one, "" for none.
	plant    func(t *testing.T, id org.ID, document string)
	document func(t *testing.T, id org.ID) string
	// down makes the store fail, silent not answer; up ends both.
	down, silent, up func(t *testing.T)
}

// each runs a test with every driver.
func each(t *testing.T, test func(t *testing.T, d driver)) {
	t.Helper()
	for name, open := range map[string]func(*testing.T) driver{
		"SQLite": on("sqlite"), "PostgreSQL": on("postgres"), "vault": onVault, "Secrets Manager": onSecretsManager, "Secrets Manager with a key": onSecretsManagerWithKey,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func names() tenancy.Installation {
	return tenancy.Installation{
		AccountID: "123456789012", Region: "us-east-1", BucketName: "artifacts",
		KMSKeyARN: "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555",
		APPrefix:  "chainloop-", BaseRoleName: "tenant", SessionPolicyPrefix: "cas-",
		BackendRoleName: "backend", ControlplaneRoleName: "controlplane", CASRoleName: "cas",
		OperatorARNs: []string{"arn:aws:iam::123456789012:root"}, Loopback: true,
	}
}

func installation(t *testing.T) tenancy.Installation {
	t.Helper()
	in, err := tenancy.New(names())
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// moody is a database whose disk hangs or fails.
type moody struct {
	secretstore.Documents
	broken, silent atomic.Bool
}

var errDisk = os.ErrClosed

func (m *moody) trouble(ctx context.Context) error {
	if m.silent.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	if m.broken.Load() {
		return errDisk
	}
	return nil
}

func (m *moody) PutSecret(ctx context.Context, id org.ID, name string, document []byte) error {
	if err := m.trouble(ctx); err != nil {
		return err
	}
	return m.Documents.PutSecret(ctx, id, name, document)
}

func (m *moody) Secret(ctx context.Context, id org.ID, name string) ([]byte, error) {
	if err := m.trouble(ctx); err != nil {
		return nil, err
	}
	return m.Documents.Secret(ctx, id, name)
}

func (m *moody) DeleteSecret(ctx context.Context, id org.ID, name string) error {
	if err := m.trouble(ctx); err != nil {
		return err
	}
	return m.Documents.DeleteSecret(ctx, id, name)
}

func TestMain(m *testing.M) { databasetest.Main(m, database.Migrate) }

// on is the database driver on an engine.
func on(engine string) func(t *testing.T) driver {
	return func(t *testing.T) driver { return onDatabase(t, databasetest.Target(t, engine)) }
}

func onDatabase(t *testing.T, target string) driver {
	db, err := database.Open(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	m := &moody{Documents: db}
	store := secretstore.NewDatabase(m)
	return driver{
		in: installation(t), backend: store, cas: store,
		organization: func(t *testing.T) org.ID {
			t.Helper()
			id, now := org.NewID(), time.Now()
			if err := db.CreateOrganization(t.Context(), org.Organization{
				ID: id, Name: org.Name("o-" + id.Compact()), State: org.Pending, CreatedAt: now, UpdatedAt: now,
			}); err != nil {
				t.Fatal(err)
			}
			return id
		},
		plant: func(t *testing.T, id org.ID, document string) {
			t.Helper()
			if err := db.PutSecret(t.Context(), id, tenancy.StorageBackendName, []byte(document)); err != nil {
				t.Fatal(err)
			}
		},
		document: func(t *testing.T, id org.ID) string {
			text, _ := db.Secret(t.Context(), id, tenancy.StorageBackendName)
			return string(text)
		},
		down:   func(*testing.T) { m.broken.Store(true) },
		silent: func(*testing.T) { m.silent.Store(true) },
		up:     func(*testing.T) { m.broken.Store(false); m.silent.Store(false) },
	}
}

// prefix is where the tests keep documents in Vault.
const prefix = "managedcas"

// The grants of an installation in Vault: docs/secret-stores.md.
var (
	mayWrite = vault.Grant{Paths: []string{"secret/data/" + prefix + "/", "secret/metadata/" + prefix + "/"}, TTL: time.Hour}
	mayRead  = vault.Grant{Paths: []string{"secret/data/" + prefix + "/"}, ReadOnly: true, TTL: time.Hour}
)

// inVault returns a configuration that logs in as a role of Kubernetes.
func inVault(t *testing.T, address, role string) secretstore.VaultConfig {
	t.Helper()
	return secretstore.VaultConfig{
		Address: address, Mount: vault.Mount, PathPrefix: prefix,
		Login: secretstore.VaultLogin{
			Method: secretstore.VaultKubernetes, Mount: vault.KubernetesMount, Role: role, File: written(t, "jwt-of-"+role+"\n"),
		},
	}
}

func written(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func newVault(t *testing.T, cfg secretstore.VaultConfig) *secretstore.Store {
	t.Helper()
	store, err := secretstore.NewVault(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// serveVault starts a Vault that knows the two roles.
func serveVault(t *testing.T) (*vault.Server, string) {
	t.Helper()
	server := vault.New()
	server.Admit(vault.KubernetesMount, "backend", "jwt-of-backend", mayWrite)
	server.Admit(vault.KubernetesMount, "cas", "jwt-of-cas", mayRead)
	listening := httptest.NewServer(server)
	t.Cleanup(listening.Close)
	return server, listening.URL
}

func onVault(t *testing.T) driver {
	server, address := serveVault(t)
	at := func(id org.ID) string { return prefix + "/" + id.String() }
	return driver{
		in:           installation(t),
		backend:      newVault(t, inVault(t, address, "backend")),
		cas:          newVault(t, inVault(t, address, "cas")),
		organization: func(*testing.T) org.ID { return org.NewID() },
		// Vault keeps fields, not texts: what is no object becomes one.
		plant: func(_ *testing.T, id org.ID, document string) {
			var fields map[string]any
			if json.Unmarshal([]byte(document), &fields) != nil || fields == nil {
				fields = map[string]any{"value": document}
			}
			server.Plant(at(id), fields)
		},
		document: func(t *testing.T, id org.ID) string {
			fields := server.Planted(at(id))
			if fields == nil {
				return ""
			}
			text, err := json.Marshal(fields)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		},
		down:   func(*testing.T) { server.Seal(true) },
		silent: func(*testing.T) { server.Silent(true) },
		up:     func(*testing.T) { server.Seal(false); server.Silent(false) },
	}
}
