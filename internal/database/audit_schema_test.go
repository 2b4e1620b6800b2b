package database

import (
	"fmt"
	"slices"
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

// Chains are found by their records and by their heads, page by page, each once.
func TestAuditChainsAreFound(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openTarget(t, target)
		var want []audit.Chain
		var records []auditRow
		var heads []chainRow
		for n := range 7 { // a third has no record, and a third no head
			chain := fmt.Sprint("chain-", n)
			want = append(want, audit.Chain(chain))
			for seq := range n % 3 {
				records = append(records, auditRow{Chain: chain, Seq: int64(seq + 1), ID: uuid.NewString(), HappenedAt: instant(time.Now())})
			}
			if n%3 != 2 {
				heads = append(heads, chainRow{Chain: chain, Seq: 1})
			}
		}
		insert(t, db, records)
		insert(t, db, heads)
		for _, limit := range []int{1, 2, 3, 7, 100} {
			var got []audit.Chain
			for after := audit.Chain(""); ; after = got[len(got)-1] {
				page, err := db.AuditChains(t.Context(), after, limit)
				if err != nil || len(page) > limit {
					t.Fatalf("%d of at most %d, %v", len(page), limit, err)
				}
				if got = append(got, page...); len(page) < limit {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("by %d: %v, want %v", limit, got, want)
			}
		}
	})
}

// A change that cannot be recorded does not happen.
func TestWhatIsNotAuditedDoesNotHappen(t *testing.T) {
	t.Parallel()
	const broken = "ALTER TABLE audit_records RENAME TO audit_gone"
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
			if _, err := db.write.ExecContext(ctx, broken); err != nil {
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
