package auditlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/auditlog"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
)

// records is a database that may be away. The tests of internal/database are about real
// ones.
type records struct {
	mu      sync.Mutex
	away    bool
	batches [][]audit.Event
}

func (r *records) AppendAudit(_ context.Context, events []audit.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.away {
		return errors.New("the database is away")
	}
	r.batches = append(r.batches, append([]audit.Event(nil), events...))
	return nil
}

func (r *records) set(away bool) { r.mu.Lock(); r.away = away; r.mu.Unlock() }

func (r *records) all() (all []audit.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range r.batches {
		all = append(all, b...)
	}
	return all
}

// bubble runs a Log in a bubble, where time passes when everybody waits.
func bubble(t *testing.T, cfg auditlog.Config, test func(t *testing.T, l *auditlog.Log, db *records, stop func() string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		db, text := &records{}, &bytes.Buffer{}
		cfg.Store, cfg.Log = db, slog.New(slog.NewTextHandler(text, nil))
		l := auditlog.New(cfg)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- l.Run(ctx) }()
		test(t, l, db, func() string {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			return text.String()
		})
		cancel()
	})
}

func transfer(n int) audit.Event {
	return audit.Event{Chain: audit.Of(org.NewID()), Time: time.Now(), Action: audit.ArtifactUpload, Object: fmt.Sprint(n),
		Origin: audit.Origin{Kind: audit.CASToken, Subject: "ci/1"}}
}

// While the database is away, as much happens as can be recorded, and no more; when it is
// back, everything that happened is recorded, and things happen again.
func TestWhatCannotBeRecordedIsRefused(t *testing.T) {
	t.Parallel()
	bubble(t, auditlog.Config{MaxQueue: 4}, func(t *testing.T, l *auditlog.Log, db *records, stop func() string) {
		db.set(true)
		var places []*auditlog.Place
		for range 4 {
			place, err := l.Reserve(audit.Of(org.NewID()))
			if err != nil {
				t.Fatal(err)
			}
			places = append(places, place)
		}
		for n, place := range places[:3] {
			place.Record(transfer(n))
			place.Record(transfer(100)) // and that is that
			place.Leave()
		}
		_, err := l.Reserve(audit.Of(org.NewID()))
		if p := problem.From(err); err == nil || p.Kind() != problem.Unavailable || p.Reason() != auditlog.ReasonFull || p.RetryAfter() == 0 {
			t.Errorf("a fifth: %v", err)
		}
		if err := l.Add(transfer(9)); err == nil {
			t.Error("one more was taken without a place")
		}
		places[3].Leave()
		if place, err := l.Reserve(audit.Of(org.NewID())); err != nil {
			t.Error(err)
		} else {
			place.Record(transfer(3))
		}
		time.Sleep(time.Hour)
		if s := l.Stats(); s.Queued != 4 || s.Reserved != 0 || s.Refused != 2 || s.Failures == 0 || s.Written != 0 {
			t.Errorf("%+v", s)
		}
		db.set(false)
		time.Sleep(time.Minute)
		for n, e := range db.all() {
			if e.Object != fmt.Sprint(n) {
				t.Errorf("%d is %s", n, e.Object)
			}
		}
		if s := l.Stats(); s.Written != 4 || s.Queued != 0 || s.Batches != 1 {
			t.Errorf("%+v", s)
		}
		if _, err := l.Reserve(audit.Of(org.NewID())); err != nil {
			t.Error(err)
		}
		if said := stop(); strings.Contains(said, "audit record is here") {
			t.Error(said)
		}
	})
}

// One organization that sends without end while the database is away has the others' places
// neither by what it does nor by what it is refused, and gets its own back.
func TestOneChainLeavesRoomForOthers(t *testing.T) {
	t.Parallel()
	bubble(t, auditlog.Config{MaxQueue: 16}, func(t *testing.T, l *auditlog.Log, db *records, stop func() string) {
		db.set(true)
		busy := transfer(0)
		promised, recorded := 0, 0
		for range 100 {
			if place, err := l.Reserve(busy.Chain); err == nil {
				promised++
				defer place.Leave()
			}
			if l.Add(busy) == nil {
				recorded++
			}
			refusal := busy
			refusal.Outcome = audit.Denied
			l.Denied(refusal)
		}
		if s := l.Stats(); s.Queued+s.Reserved != 8 || promised != s.Reserved || recorded >= s.Queued {
			t.Errorf("of 16 places it has %d and %d", s.Queued, s.Reserved)
		}
		for n := range 3 {
			if place, err := l.Reserve(audit.Of(org.NewID())); err != nil {
				t.Errorf("another one, %d: %v", n, err)
			} else {
				place.Record(transfer(n)) // of one more
			}
		}
		db.set(false)
		time.Sleep(time.Minute)
		if s := l.Stats(); s.Queued != 0 || s.Reserved != promised {
			t.Errorf("%+v", s)
		}

		// Away again, or what is written gives its place back meanwhile.
		db.set(true)
		for n := range 7 { // with those that are promised, half again
			if err := l.Add(busy); (err == nil) != (n < 8-promised) {
				t.Errorf("%d: %v", n, err)
			}
		}
		stop()
	})
}

// What the database does not take at the end is in the server's log.
func TestNothingIsLostAtTheEnd(t *testing.T) {
	t.Parallel()
	bubble(t, auditlog.Config{}, func(t *testing.T, l *auditlog.Log, db *records, stop func() string) {
		db.set(true)
		for n := range 3 {
			if err := l.Add(transfer(n)); err != nil {
				t.Fatal(err)
			}
		}
		stranger := audit.Event{Chain: audit.Installation, Time: time.Now(), Action: audit.Call, Outcome: audit.Denied}
		l.Denied(stranger)
		said := stop()
		if n := strings.Count(said, "record="); n != 4 || l.Stats().Spilled != 4 {
			t.Errorf("%d records in the log:\n%s", n, said)
		}
	})
	bubble(t, auditlog.Config{}, func(t *testing.T, l *auditlog.Log, db *records, stop func() string) {
		for n := range 3 {
			if err := l.Add(transfer(n)); err != nil {
				t.Fatal(err)
			}
		}
		stop()
		if n := len(db.all()); n != 3 {
			t.Errorf("%d records were written at the end", n)
		}
	})
}

// What is recorded after the end, of a transfer that was cut off, is in the server's log, too.
func TestNothingIsLostAfterTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		l := auditlog.New(auditlog.Config{Store: &records{}, Log: slog.New(slog.NewTextHandler(&text, nil))})
		ctx, cancel := context.WithCancel(t.Context())
		place, err := l.Reserve(audit.Of(org.NewID()))
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := l.Run(ctx); err != nil {
			t.Fatal(err)
		}
		place.Record(transfer(1))
		if err := l.Add(transfer(2)); err != nil {
			t.Error(err)
		}
		l.Denied(transfer(3))
		l.Denied(audit.Event{Chain: audit.Installation, Time: time.Now(), Action: audit.Call, Outcome: audit.Denied})
		if n := strings.Count(text.String(), "record="); n != 4 || l.Stats().Spilled != 4 {
			t.Errorf("%d records in the log, %+v:\n%s", n, l.Stats(), text.String())
		}
	})
}

// A flood of strangers is a bounded number of records, whatever they send and wherever they
// are, and none of it is lost: the counts say how much it was.
func TestAFloodIsCounted(t *testing.T) {
	t.Parallel()
	bubble(t, auditlog.Config{MaxQueue: 10, Sources: 3}, func(t *testing.T, l *auditlog.Log, db *records, stop func() string) {
		db.set(true) // and full: what has no place goes on being counted
		for n := range 10 {
			if err := l.Add(transfer(n)); err != nil {
				t.Fatal(err)
			}
		}
		deny := func(ip string, times int) {
			for n := range times {
				l.Denied(audit.Event{
					Chain: audit.Installation, Time: time.Now(), Action: audit.ArtifactUpload, Object: fmt.Sprint("asked/", n), Outcome: audit.Denied,
					Reason: "UNAUTHENTICATED", Origin: audit.Origin{RemoteIP: ip, UserAgent: fmt.Sprint(n), RequestID: fmt.Sprint(n)},
				})
				time.Sleep(time.Millisecond)
			}
		}
		deny("192.0.2.1", 1)
		deny("192.0.2.2", 20)
		for n := range 40 {
			deny(fmt.Sprintf("2001:db8::%x", n), 1) // one network
		}
		for n := range 200 {
			deny(fmt.Sprintf("198.51.100.%d", n), 2)
		}
		time.Sleep(2 * time.Minute) // several windows, and no place
		db.set(false)
		time.Sleep(2 * time.Minute)
		got := map[string]string{}
		for _, e := range db.all()[10:] {
			got[e.RemoteIP] = e.Details[audit.DetailCount]
			if e.RemoteIP == "" && (e.Object != "" || e.UserAgent != "" || e.RequestID != "") {
				t.Errorf("of many, what one of them said: %+v", e)
			}
		}
		want := map[string]string{"192.0.2.1": "", "192.0.2.2": "20", "2001:db8::": "40", "": "400"}
		if len(got) != len(want) {
			t.Errorf("%v", got)
		}
		for ip, count := range want {
			if got[ip] != count && !(ip == "2001:db8::" && got["2001:db8::0"] == count) {
				t.Errorf("%s: %q times, want %q", ip, got[ip], count)
			}
		}
		stop()
	})
}

// Who is known has a record for each refusal, as long as there is room.
func TestRefusalsOfTheKnownAreListed(t *testing.T) {
	t.Parallel()
	bubble(t, auditlog.Config{}, func(t *testing.T, l *auditlog.Log, db *records, stop func() string) {
		for n := range 5 {
			e := transfer(n)
			e.Outcome = audit.Denied
			l.Denied(e)
		}
		stop()
		if n := len(db.all()); n != 5 || l.Stats().Counted != 0 {
			t.Errorf("%d records, %+v", n, l.Stats())
		}
	})
}

// Who is known and is refused without end has many records and not one for each: a chain
// that somebody else has to read, or the disk, is not filled by a token.
func TestAFloodOfTheKnownIsCounted(t *testing.T) {
	t.Parallel()
	bubble(t, auditlog.Config{}, func(t *testing.T, l *auditlog.Log, db *records, stop func() string) {
		flood := transfer(0)
		flood.Outcome = audit.Denied
		for range 1000 {
			l.Denied(flood)
		}
		other := flood
		other.Subject = "ci/2"
		l.Denied(other)
		time.Sleep(time.Minute)
		l.Denied(flood) // a window later
		time.Sleep(time.Second)
		listed, counted := map[string]int{}, ""
		for _, e := range db.all() {
			if n := e.Details[audit.DetailCount]; n != "" {
				counted += e.Subject + " " + n
				continue
			}
			listed[e.Subject]++
		}
		if listed["ci/1"] != 101 || listed["ci/2"] != 1 || counted != "ci/1 900" {
			t.Errorf("%v one by one, %q", listed, counted)
		}
		stop()
	})
}
