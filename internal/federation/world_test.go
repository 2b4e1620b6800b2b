package federation_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/auditlog"
	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/federation"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/test/issuer"
)

const (
	audience = "cas.example.com:443"
	subject  = "repo:acme/app:ref:refs/heads/main"
)

// world is an installation that believes two providers, and an organization that trusts one
// pipeline of the first.
type world struct {
	db            *database.DB
	audit         *auditlog.Log
	tokens        *auth.Tokens
	federation    *federation.Federation
	github, other *issuer.Issuer
	acme, globex  org.Organization
	trust         registry.Trust
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{github: issuer.New(t), other: issuer.New(t)}
	log := slog.New(slog.DiscardHandler)
	var err error
	if w.db, err = database.Open(t.Context(), databasetest.SQLite(t, database.Migrate)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.db.Close() })
	ring, err := auth.OpenKeyRing(t.Context(), w.db, registry.KeyUseAPI)
	if err != nil {
		t.Fatal(err)
	}
	w.tokens = auth.NewTokens(w.db, w.db, ring, log)
	w.audit = auditlog.New(auditlog.Config{Store: w.db, Log: log, Drain: time.Minute})
	if w.federation, err = federation.New(w.config(w.db)); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[org.Name]*org.Organization{"acme": &w.acme, "globex": &w.globex} {
		*o = org.Organization{ID: org.NewID(), Name: name, State: org.Pending, CreatedAt: time.Now()}
		if err := w.db.CreateOrganization(t.Context(), *o); err != nil {
			t.Fatal(err)
		}
	}
	w.trust = registry.Trust{
		ID: uuid.New(), Org: w.acme.ID, Name: "app", Issuer: w.github.URL, Audience: audience,
		Subjects: []string{subject, "repo:acme/lib:**"}, Claims: map[string]string{"repository_owner_id": "583231"},
		Lifetime: 10 * time.Minute, Enabled: true, CreatedAt: time.Now(), CreatedBy: "test",
	}
	if err := w.db.CreateTrust(t.Context(), w.trust); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) config(store federation.Store) federation.Config {
	return federation.Config{Store: store, Tokens: w.tokens, Issuers: []string{w.github.URL, w.other.URL}, Audit: w.audit, Log: slog.New(slog.DiscardHandler)}
}

// job signs what the provider says of a job, over the usual claims.
func (w *world) job(t *testing.T, claims map[string]any) string {
	t.Helper()
	all := map[string]any{"sub": subject, "aud": audience, "repository_owner_id": "583231"}
	for name, v := range claims {
		all[name] = v
	}
	return w.github.Sign(t, all)
}

func (w *world) exchange(t *testing.T, token string) (string, error) {
	t.Helper()
	text, _, err := w.federation.Exchange(t.Context(), "acme", token)
	return text, err
}

// records returns what a chain has of an action, after what waits is written.
func (w *world) records(t *testing.T, chain audit.Chain, action string) []audit.Record {
	t.Helper()
	ended, end := context.WithCancel(t.Context())
	end()
	if err := w.audit.Run(ended); err != nil {
		t.Fatal(err)
	}
	list, err := w.db.AuditRecords(t.Context(), chain, 1, 100, audit.Query{Limit: 100, ActionPrefix: action})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
