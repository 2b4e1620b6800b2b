package direct_test

import (
	"sync"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/direct"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/service"
	"github.com/managedcas/managedcas/test/rig"
)

// What nobody confirms is found: what came is recorded when its request has expired, and
// what did not come is forgotten when it no longer can.
func TestSweep(t *testing.T) {
	t.Parallel()
	known := &catalogue{}
	r := rig.New(t, rig.Options{Reuse: rig.LongReuse, Recorder: known, Limits: service.Limits{TransferTime: time.Hour}})
	acme := r.Org(t)
	now := time.Now() // before any of the requests is signed
	content, came := rig.Content(10)
	late, slow := rig.Content(10)
	_, never := rig.Content(10)
	mustSend(t, presign(t, r, acme, came, 10), content)
	sending := presign(t, r, acme, slow, 10)
	presign(t, r, acme, never, 10)
	at := func(after time.Duration, records, left int) {
		t.Helper()
		if err := r.Direct.Sweep(t.Context(), now.Add(after)); err != nil {
			t.Error(err)
		}
		if got := len(known.entries()); got != records || unconfirmed(t, r) != left {
			t.Errorf("after %s: %d records, %d unconfirmed; want %d, %d", after, got, unconfirmed(t, r), records, left)
		}
	}
	at(direct.Life-time.Second, 0, 3) // it can still be confirmed
	at(direct.Life+time.Minute, 1, 2)
	r.Forget()
	at(time.Hour, 1, 2) // a request that began in time may still run
	if calls := r.Calls(); len(calls) != 0 {
		t.Errorf("asked before there is anything to know: %v", calls)
	}
	mustSend(t, sending, late)
	at(time.Hour+direct.Life+time.Minute, 2, 0)
	if last := known.entries()[1]; last.Digest != slow || last.Uploader != "somebody" {
		t.Errorf("recorded %+v", last)
	}
}

// Each upload is looked at by one of the processes that sweep at the same time.
func TestSweepersShare(t *testing.T) {
	t.Parallel()
	known := &catalogue{}
	r := rig.New(t, rig.Options{Reuse: rig.LongReuse, Recorder: known})
	acme := r.Org(t)
	const uploads = 5
	for range uploads {
		content, d := rig.Content(10)
		mustSend(t, presign(t, r, acme, d, 10), content)
	}
	r.Forget()
	var sweepers sync.WaitGroup
	for range 4 {
		sweepers.Go(func() {
			if err := r.Direct.Sweep(t.Context(), time.Now().Add(time.Hour)); err != nil {
				t.Error(err)
			}
		})
	}
	sweepers.Wait()
	if n := len(known.entries()); n != uploads || r.Calls()["HeadObject"] != uploads {
		t.Errorf("%d records, calls %v", n, r.Calls())
	}
}

// What cannot be looked at now is looked at later, does not keep others waiting, and is
// given up after a week.
func TestSweepTriesAgain(t *testing.T) {
	t.Parallel()
	known := &catalogue{broken: true}
	r := rig.New(t, rig.Options{Reuse: rig.LongReuse, Recorder: known, Limits: service.Limits{TransferTime: time.Hour}})
	broken, acme, gone := r.Org(t), r.Org(t), r.Org(t)
	for _, id := range []org.ID{broken, acme, gone} {
		content, d := rig.Content(10)
		mustSend(t, presign(t, r, id, d, 10), content)
	}
	r.Break(t, broken)
	r.Break(t, gone)
	if _, err := r.DB.SetOrganizationState(t.Context(), gone, org.Deleting, ""); err != nil {
		t.Fatal(err)
	}
	now := time.Now().Add(time.Hour)
	sweep := func(after time.Duration) {
		t.Helper()
		if err := r.Direct.Sweep(t.Context(), now.Add(after)); err != nil {
			t.Error(err)
		}
	}
	sweep(0)
	if n := unconfirmed(t, r); n != 2 || len(known.entries()) != 0 {
		t.Errorf("%d unconfirmed, %d records", n, len(known.entries()))
	}
	known.broken = false
	sweep(time.Minute) // too early
	if n := len(known.entries()); n != 0 {
		t.Errorf("%d records", n)
	}
	sweep(11 * time.Minute)
	if n := unconfirmed(t, r); n != 1 || len(known.entries()) != 1 {
		t.Errorf("%d unconfirmed, %d records", n, len(known.entries()))
	}
	sweep(8 * 24 * time.Hour)
	if n := unconfirmed(t, r); n != 0 {
		t.Errorf("%d unconfirmed after a week", n)
	}
}
