package database

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/registry"
)

// The schema itself refuses to change what is recorded, whoever asks.
func TestTheAuditLogIsAppendOnly(t *testing.T) {
	t.Parallel()
	only := map[string][]string{
		"sqlite": {
			"INSERT OR REPLACE INTO audit_records SELECT chain, seq, id, happened_at, 'changed', object, outcome, reason, subject_kind, subject, remote_ip, user_agent, request_id, details, hash FROM audit_records WHERE seq = 1",
			"REPLACE INTO audit_records SELECT chain, 9, id, happened_at, 'changed', object, outcome, reason, subject_kind, subject, remote_ip, user_agent, request_id, details, hash FROM audit_records WHERE seq = 1",
		},
		"postgres": {"TRUNCATE audit_records", "TRUNCATE audit_chains"},
	}
	for _, engine := range databasetest.Engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			db := openTarget(t, databasetest.Target(t, engine))
			events := []audit.Event{
				audit.New(audit.Event{Chain: audit.Installation, Time: time.Now(), Action: "one"}),
				audit.New(audit.Event{Chain: audit.Installation, Time: time.Now(), Action: "two"}),
			}
			if err := db.AppendAudit(t.Context(), events); err != nil {
				t.Fatal(err)
			}
			for _, statement := range append(only[engine],
				"UPDATE audit_records SET action = 'changed'",
				"UPDATE audit_records SET hash = hash",
				"DELETE FROM audit_records WHERE seq = 2",
				"DELETE FROM audit_chains",
				"UPDATE audit_chains SET seq = 1",
				"UPDATE audit_chains SET hash = 'other'",
				"UPDATE audit_chains SET chain = 'other'",
			) {
				if _, err := db.write.ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "append-only") {
					t.Errorf("%s: %v", statement, err)
				}
			}
			records, err := db.AuditRecords(t.Context(), audit.Installation, 1, 10, audit.Query{Limit: 10})
			if err != nil || len(records) != 2 || records[0].Action != "one" {
				t.Errorf("%+v, %v", records, err)
			}
		})
	}
}

// A change that cannot be recorded does not happen.
func TestWhatIsNotAuditedDoesNotHappen(t *testing.T) {
	t.Parallel()
	broken := map[string]string{
		"sqlite":   "ALTER TABLE audit_records RENAME TO audit_gone",
		"postgres": "ALTER TABLE audit_records RENAME TO audit_gone",
	}
	for _, engine := range databasetest.Engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			db := openTarget(t, databasetest.Target(t, engine))
			o := newOrganization()
			if err := db.CreateOrganization(ctx, o); err != nil {
				t.Fatal(err)
			}
			token := registry.Token{ID: uuid.New(), Org: o.ID, Name: "ci", CreatedAt: time.Now()}
			if err := db.CreateToken(ctx, token); err != nil {
				t.Fatal(err)
			}
			if _, err := db.write.ExecContext(ctx, broken[engine]); err != nil {
				t.Fatal(err)
			}
			if err := db.RevokeToken(ctx, token.ID, time.Now()); err == nil {
				t.Error("a token was revoked without a record")
			}
			if got, err := db.Token(ctx, token.ID); err != nil || got.Revoked() {
				t.Errorf("the token is %+v, %v", got, err)
			}
			another := newOrganization()
			another.Name = "another"
			if err := db.CreateOrganization(ctx, another); err == nil {
				t.Error("an organization was created without a record")
			}
			if _, err := db.OrganizationByID(ctx, another.ID); err == nil {
				t.Error("it is there")
			}
			if err := db.SaveManagedBackend(ctx, o.ID); err == nil {
				t.Error("a storage backend became valid without a record")
			}
		})
	}
}
