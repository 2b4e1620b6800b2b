package database

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// A condition is written when it changes; the time of its last transition moves only with
// its status, as in Kubernetes.
func TestConditionsKeepTheirTransitions(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openTarget(t, target)
		o := newOrganization()
		if err := db.CreateOrganization(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		report := func(status registry.ConditionStatus, reason string) registry.Condition {
			t.Helper()
			c := registry.Condition{Type: registry.Reachable, Status: status, Reason: reason, Message: "a sentence"}
			if err := db.Report(t.Context(), o.ID, []registry.Condition{c}); err != nil {
				t.Fatal(err)
			}
			got, err := db.Conditions(t.Context(), o.ID)
			if err != nil || len(got) != 1 || got[0].Status != status || got[0].Reason != reason || got[0].Message != c.Message {
				t.Fatalf("got %+v, %v", got, err)
			}
			return got[0]
		}
		first := report(registry.Unknown, "Waiting")
		same := report(registry.Unknown, "StillWaiting")
		if !same.Since.Equal(first.Since) {
			t.Errorf("another reason moved the transition from %s to %s", first.Since, same.Since)
		}
		if then := report(registry.True, "Probed"); !then.Since.After(first.Since) {
			t.Errorf("another status left the transition at %s", then.Since)
		}
	})
}

// Repeats are counted; the order is that of the last time.
func TestEventsAreCounted(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openTarget(t, target)
		o := newOrganization()
		if err := db.CreateOrganization(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		for _, reason := range []string{"DriftFound", "DriftRepaired", "DriftFound"} {
			if err := db.Report(t.Context(), o.ID, nil, registry.Event{Reason: reason, Message: "the policy"}); err != nil {
				t.Fatal(err)
			}
		}
		got, err := db.Events(t.Context(), o.ID, 2)
		want := []registry.Event{
			{Reason: "DriftFound", Message: "the policy", Count: 2},
			{Reason: "DriftRepaired", Message: "the policy", Count: 1},
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(registry.Event{}, "First", "Last")); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
		if !got[0].Last.After(got[0].First) {
			t.Errorf("first %s, last %s", got[0].First, got[0].Last)
		}
	})
}

func TestEventsAreBounded(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openTarget(t, target)
		o, other := newOrganization(), newOrganization()
		other.Name = "globex"
		for _, o := range []org.Organization{o, other} {
			if err := db.CreateOrganization(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
		old := eventRow{OrgID: o.ID.String(), Reason: "Old", Count: 1, FirstAt: time.Now(), LastAt: instant(time.Now().Add(-registry.MaxEventAge - time.Hour))}
		young := eventRow{OrgID: o.ID.String(), Reason: "Young", Count: 1, FirstAt: time.Now(), LastAt: instant(time.Now().Add(-registry.MaxEventAge + time.Hour))}
		for _, row := range []eventRow{old, young} {
			if _, err := db.write.NewInsert().Model(&row).Exec(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		count := func(id org.ID) (n int, oldest string) {
			t.Helper()
			events, err := db.Events(t.Context(), id, 10*registry.MaxEvents)
			if err != nil {
				t.Fatal(err)
			}
			return len(events), events[len(events)-1].Reason
		}
		var many []registry.Event
		before, _ := count(o.ID)
		for i := range registry.MaxEvents - before + 1 { // one was too old
			many = append(many, registry.Event{Reason: fmt.Sprintf("R%03d", i)})
		}
		if err := db.Report(t.Context(), o.ID, nil, many...); err != nil {
			t.Fatal(err)
		}
		if n, oldest := count(o.ID); n != registry.MaxEvents || oldest != "Young" {
			t.Errorf("%d events, the oldest %s; want %d with Young", n, oldest, registry.MaxEvents)
		}
		if err := db.Report(t.Context(), o.ID, nil, registry.Event{Reason: "OneMore"}); err != nil {
			t.Fatal(err)
		}
		if n, oldest := count(o.ID); n != registry.MaxEvents || oldest == "Young" {
			t.Errorf("%d events, the oldest %s; want %d without Young", n, oldest, registry.MaxEvents)
		}
		if n, _ := count(other.ID); n == 0 {
			t.Error("another organization lost its events")
		}
	})
}

func TestProbesDue(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openTarget(t, target)
		var ids []org.ID
		for i, offset := range []time.Duration{-time.Minute, -time.Hour, time.Hour, -time.Hour} {
			o := newOrganization()
			o.Name = org.Name(fmt.Sprint("o", i))
			if err := db.CreateOrganization(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			if _, err := db.Probes(t.Context(), o.ID); !errors.Is(err, registry.ErrNotFound) {
				t.Errorf("before the first: %v", err)
			}
			want := registry.Probes{Streak: i, Failing: instant(time.Now()), Next: instant(time.Now().Add(offset))}
			for _, p := range []registry.Probes{{Streak: 9, Next: time.Now()}, want} {
				if err := db.SaveProbes(t.Context(), o.ID, p); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := db.Probes(t.Context(), o.ID); err != nil || got != want {
				t.Errorf("got %+v, %v, want %+v", got, err, want)
			}
			ids = append(ids, o.ID)
		}
		if _, err := db.SetOrganizationState(t.Context(), ids[3], org.Deleting, ""); err != nil {
			t.Fatal(err)
		}
		got, err := db.ProbesDue(t.Context(), 2*time.Hour, 10)
		if err != nil || len(got) != 2 || got[0] != ids[1] || got[1] != ids[0] {
			t.Errorf("got %v, %v, want %v", got, err, []org.ID{ids[1], ids[0]})
		}
		if got, err := db.ProbesDue(t.Context(), 2*time.Hour, 1); err != nil || len(got) != 1 {
			t.Errorf("one at most: %v, %v", got, err)
		}
	})
}

func TestNeighbour(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openTarget(t, target)
		create := func(name org.Name, state org.State) org.ID {
			o := newOrganization()
			o.Name, o.State = name, state
			if err := db.CreateOrganization(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			return o.ID
		}
		own := create("own", org.Ready)
		create("new", org.Pending)
		if id, err := db.Neighbour(t.Context(), own); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("alone: %v, %v", id, err)
		}
		other := create("other", org.Ready)
		for range 20 {
			if id, err := db.Neighbour(t.Context(), own); err != nil || id != other {
				t.Fatalf("got %v, %v, want %v", id, err, other)
			}
		}
	})
}

func TestCensus(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openTarget(t, target)
		for i, state := range []org.State{org.Ready, org.Ready, org.Degraded, org.Deleted} {
			o := newOrganization()
			o.Name, o.State = org.Name(fmt.Sprint("o", i)), state
			if err := db.CreateOrganization(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			status := registry.False
			if i == 0 {
				status = registry.Unknown
			}
			if err := db.Report(t.Context(), o.ID, []registry.Condition{{Type: registry.Reachable, Status: status}}); err != nil {
				t.Fatal(err)
			}
		}
		states, unmet, err := db.Census(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[org.State]int{org.Ready: 2, org.Degraded: 1}, states); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(map[registry.ConditionType]int{registry.Reachable: 2}, unmet); diff != "" {
			t.Error(diff)
		}
	})
}
