package auth

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestNoAnnouncedKeySignsAfterAll: two successors are announced, one soon after the other, before
// the keys are replaced at once. Neither ever signs: the first one would take over from the key
// that signs then, and be believed by nobody an hour later. The old key is believed for an hour
// from when it really signed last.
func TestNoAnnouncedKeySignsAfterAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := newInstallationInBubble(t)
		defer in.db.Close()
		ring, old := in.cas, in.cas.current().record.ID
		for _, replace := range []func() error{
			func() error { return ring.Announce(t.Context()) },
			func() error { return ring.Announce(t.Context()) },
			func() error { return ring.Rotate(t.Context()) },
		} {
			time.Sleep(5 * time.Minute)
			if err := replace(); err != nil {
				t.Fatal(err)
			}
		}
		current := ring.keys[0].record.ID
		if list, err := ring.List(t.Context()); err != nil || len(list) != 4 || list[0].State != KeySigning || list[1].State != KeyDead || list[2].State != KeyDead || list[3].State != KeyRetired {
			t.Errorf("the keys are %+v, %v, want one that signs, two that are dead, and one retired", list, err)
		}
		for _, after := range []time.Duration{announceAhead, publishRetired} {
			time.Sleep(after)
			if _, err := ring.signer(t.Context()); err != nil || ring.current().record.ID != current {
				t.Errorf("%s later %s signs, want %s: %v", after, ring.current().record.ID, current, err)
			}
			if key, err := ring.Key(t.Context(), current); err != nil {
				t.Errorf("%s later the key that signs is not believed: %v, %v", after, key, err)
			}
			if _, err := ring.Key(t.Context(), old); (err == nil) != (after == announceAhead) {
				t.Errorf("%s later, of the old key: %v", after, err)
			}
		}
	})
}
