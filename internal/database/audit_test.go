package database_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// chain reads a whole chain, and demands that it verifies up to its head.
func chain(t *testing.T, db *database.DB, of audit.Chain) []audit.Record {
	t.Helper()
	head, err := db.AuditHead(t.Context(), of)
	if err != nil {
		t.Fatal(err)
	}
	records, err := db.AuditRecords(t.Context(), of, 1, head.Seq, audit.Query{Limit: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	v := audit.NewVerifier(of, audit.Begin(of))
	for _, r := range records {
		if err := v.Next(r); err != nil {
			t.Fatal(err)
		}
	}
	if v.Head() != head {
		t.Fatalf("the records end with %s, the head is %s", v.Head(), head)
	}
	return records
}

func event(of audit.Chain, action string) audit.Event {
	return audit.New(audit.Event{Chain: of, Time: time.Now(), Action: action, Details: map[string]string{"b": "ü", "a": "1"}})
}

// Whoever appends to the same chains at once, in batches or with a change, from several
// processes: the chains have no gaps, and each event is there once.
func TestAuditChainsHaveNoGaps(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		pools := []*database.DB{openAt(t, target), openAt(t, target)}
		o := create(t, pools[0], "acme")
		chains := []audit.Chain{audit.Of(o.ID), audit.Of(org.NewID()), audit.Installation}
		var all sync.WaitGroup
		for n := range 8 {
			db := pools[n%2]
			all.Go(func() {
				for round := range 4 {
					var events []audit.Event
					for i := range 9 {
						events = append(events, event(chains[(n+i)%3], fmt.Sprint("test.", n, round, i)))
					}
					for range 2 { // the answer to the first was lost
						if err := db.AppendAudit(t.Context(), events); err != nil {
							t.Error(err)
						}
					}
				}
			})
			all.Go(func() { // a change, in a serializable transaction
				token := registry.Token{ID: uuid.New(), Org: o.ID, Name: fmt.Sprint("t", n), Sum: [32]byte{byte(n)}, CreatedAt: time.Now()}
				if err := db.CreateToken(t.Context(), token); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		total := 0
		for _, c := range chains {
			total += len(chain(t, pools[1], c))
		}
		if want := 8*4*9 + 8 + 2; total != want { // an organization's creation is in two chains
			t.Errorf("%d records, want %d", total, want)
		}
		if found, err := pools[0].AuditChains(t.Context(), "", 10); err != nil || len(found) != 3 {
			t.Errorf("chains %v, %v", found, err)
		}
	})
}

// Every change is recorded with who made it; one that changes nothing is not.
func TestChangesAreAudited(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		o := create(t, db, "acme")
		origin := audit.Origin{Kind: audit.InstanceToken, Subject: "admin/1", RemoteIP: "192.0.2.1", UserAgent: "test", RequestID: "r"}
		ctx := audit.WithOrigin(t.Context(), origin)
		token := registry.Token{ID: uuid.New(), Org: o.ID, Name: "ci", CreatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}
		always := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		state := func(next org.State) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := db.SetOrganizationState(ctx, o.ID, next, "arn:aws:s3:::never-shown")
				return err
			}
		}
		for _, change := range []struct {
			do   func(context.Context) error
			want string // in the organization's chain, or in both
			both bool
		}{
			{func(ctx context.Context) error { return db.SaveManagedBackend(ctx, o.ID) }, audit.BackendValidate, false},
			{func(ctx context.Context) error { return db.SaveManagedBackend(ctx, o.ID) }, "", false},
			{state(org.Degraded), audit.OrganizationState, true},
			{state(org.Degraded), "", false},
			{func(ctx context.Context) error { return db.CreateToken(ctx, token) }, audit.TokenCreate, false},
			{func(ctx context.Context) error { return db.RevokeToken(ctx, token.ID, time.Now()) }, audit.TokenRevoke, false},
			{func(ctx context.Context) error { return db.RevokeToken(ctx, token.ID, time.Now()) }, "", false},
			{state(org.Deleting), audit.OrganizationDelete, true},
			{func(ctx context.Context) error { return db.DeleteManagedBackend(ctx, o.ID) }, audit.BackendDelete, false},
			{func(ctx context.Context) error { return db.DeleteManagedBackend(ctx, o.ID) }, "", false},
			{func(ctx context.Context) error { _, err := db.UndeleteOrganization(ctx, o.ID, ""); return err }, audit.OrganizationUndelete, true},
			{state(org.Deleting), audit.OrganizationDelete, true},
			{state(org.Deleted), audit.OrganizationState, true},
			{func(ctx context.Context) error { return db.RetainObjects(ctx, o.ID, 0) }, "", false},
			{func(ctx context.Context) error { return db.BeginPurge(ctx, o.ID, later(), time.Minute) }, audit.OrganizationPurge, true},
			{func(ctx context.Context) error {
				return db.ContinuePurge(ctx, o.ID, registry.Removed{Objects: 1}, later(), time.Minute)
			}, "", false},
			{func(ctx context.Context) error { return db.FinishPurge(ctx, o.ID, later()) }, audit.OrganizationPurge, true},
		} {
			own, installation := len(chain(t, db, audit.Of(o.ID))), len(chain(t, db, audit.Installation))
			always(change.do(ctx))
			for of, news := range map[audit.Chain][]audit.Record{
				audit.Of(o.ID):     chain(t, db, audit.Of(o.ID))[own:],
				audit.Installation: chain(t, db, audit.Installation)[installation:],
			} {
				if want := change.want; want == "" || of == audit.Installation && !change.both {
					if len(news) != 0 {
						t.Errorf("%s has %s, want nothing", of, news[0].Action)
					}
				} else if len(news) != 1 || news[0].Action != want || news[0].Origin != origin || news[0].Outcome != audit.Done || news[0].Object == "" {
					t.Errorf("%s has %+v, want %s", of, news, want)
				}
			}
		}
		for _, r := range chain(t, db, audit.Of(o.ID)) {
			if text := fmt.Sprint(r); strings.Contains(text, "arn:") {
				t.Errorf("a record names something in AWS: %s", text)
			}
		}
		if first := chain(t, db, audit.Of(o.ID))[0]; first.Action != audit.OrganizationCreate || first.Kind != audit.System {
			t.Errorf("the first record is %+v", first)
		}
	})
}

func later() time.Time { return time.Now().Add(time.Second) }

func TestAuditRecordsAreFound(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		begin := time.Now().Truncate(time.Second)
		var events []audit.Event
		for i, e := range []audit.Event{
			{Action: "artifact.upload", Origin: audit.Origin{Subject: "ci/1"}},
			{Action: "artifact.download", Origin: audit.Origin{Subject: "ci/2"}, Outcome: audit.Denied},
			{Action: "token.create", Origin: audit.Origin{Subject: "ci2/1"}},
			{Action: "artifactual", Origin: audit.Origin{Subject: "ci"}},
			{Action: "ARTIFACT.upload", Origin: audit.Origin{Subject: "CI/1"}},
		} {
			e.Chain, e.Time = audit.Installation, begin.Add(time.Duration(i)*time.Second)
			events = append(events, audit.New(e))
		}
		other := audit.Of(org.NewID())
		if err := db.AppendAudit(t.Context(), append(events, event(other, "artifact.upload"))); err != nil {
			t.Fatal(err)
		}
		for name, tc := range map[string]struct {
			query       audit.Query
			first, last int64
			want        []int64
		}{
			"all":        {audit.Query{}, 1, 5, []int64{1, 2, 3, 4, 5}},
			"newest":     {audit.Query{Newest: true, Limit: 2}, 1, 5, []int64{5, 4}},
			"part":       {audit.Query{}, 2, 3, []int64{2, 3}},
			"action":     {audit.Query{ActionPrefix: "artifact."}, 1, 5, []int64{1, 2}},
			"a pattern":  {audit.Query{ActionPrefix: "artifact_"}, 1, 5, nil},
			"name":       {audit.Query{Subject: "ci"}, 1, 5, []int64{1, 2, 4}},
			"subject":    {audit.Query{Subject: "ci/1"}, 1, 5, []int64{1}},
			"outcome":    {audit.Query{Outcome: audit.Denied}, 1, 5, []int64{2}},
			"time":       {audit.Query{Since: begin.Add(time.Second), Until: begin.Add(3 * time.Second)}, 1, 5, []int64{2, 3}},
			"everything": {audit.Query{ActionPrefix: "artifact", Subject: "ci", Since: begin.Add(time.Second)}, 1, 5, []int64{2, 4}},
		} {
			if tc.query.Limit == 0 {
				tc.query.Limit = 10
			}
			records, err := db.AuditRecords(t.Context(), audit.Installation, tc.first, tc.last, tc.query)
			var got []int64
			for _, r := range records {
				got = append(got, r.Seq)
			}
			if err != nil || !slices.Equal(got, tc.want) {
				t.Errorf("%s: %v, %v, want %v", name, got, err, tc.want)
			}
		}
	})
}

// Of many processes, one tells a sink; another one does when that is gone, and what the
// first still reports is refused.
func TestOneProcessTellsASink(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		pools := []*database.DB{openAt(t, target), openAt(t, target)}
		if won := atOnce(t, pools, errLate, func(ctx context.Context, db *database.DB, n int) error {
			if mine, err := db.LeaseSink(ctx, "siem", fmt.Sprint(n), time.Hour); err != nil || mine {
				return err
			}
			return errLate
		}); won != 1 {
			t.Errorf("%d processes of 16 tell the sink", won)
		}
		db := pools[0]
		lease := func(holder string, lasts time.Duration) bool {
			t.Helper()
			mine, err := db.LeaseSink(t.Context(), "other", holder, lasts)
			if err != nil {
				t.Fatal(err)
			}
			return mine
		}
		for range 2 {
			if !lease("a", time.Hour) || lease("b", time.Hour) {
				t.Error("who has it does not keep it")
			}
		}
		acme := audit.Of(org.NewID())
		if err := db.AppendAudit(t.Context(), []audit.Event{event(acme, "x"), event(acme, "y"), event(audit.Installation, "z")}); err != nil {
			t.Fatal(err)
		}
		told := func(holder string, seq int64) error {
			return db.SinkTold(t.Context(), "other", holder, map[audit.Chain]int64{acme: seq})
		}
		if err := told("a", 1); err != nil {
			t.Error(err)
		}
		if !lease("a", 0) || !lease("b", time.Hour) { // a's has ended
			t.Error("b does not follow a")
		}
		if err := told("a", 2); err == nil {
			t.Error("a reports for b")
		}
		untold, err := db.UntoldChains(t.Context(), "other", "", 10)
		if err != nil || !slices.Equal(untold, []audit.Untold{{Chain: acme, Told: 1, Last: 2}, {Chain: audit.Installation, Told: 0, Last: 1}}) {
			t.Errorf("%+v, %v", untold, err)
		}
		if lag, err := db.SinkLag(t.Context(), "other"); err != nil || lag != 2 {
			t.Errorf("lag %d, %v", lag, err)
		}
		if err := db.LeaveSink(t.Context(), "other", "b"); err != nil || !lease("c", time.Hour) {
			t.Errorf("c does not follow b, who left: %v", err)
		}
	})
}
