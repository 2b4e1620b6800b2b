package casprocess

import (
	"bytes"
	"maps"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/test/rig"
)

// answered uploads small artifacts, from several clients at once, until the process is
// gone or told to stop, and returns when each was answered. End is called when there are
// enough, with these, while the clients go on.
func (s *scene) answered(t *testing.T, p *running, enough int, end func(first map[digest.Digest]time.Time)) map[digest.Digest]time.Time {
	t.Helper()
	var mu sync.Mutex
	var clients sync.WaitGroup
	done := map[digest.Digest]time.Time{}
	reached := make(chan struct{})
	for range 4 {
		clients.Go(func() {
			for {
				content, d := rig.Content(uploads[0].size)
				status, _, err := s.put(t, p, d, uploads[0], bytes.NewReader(content))
				if err != nil || status != http.StatusCreated {
					return // it is stopping, or gone
				}
				mu.Lock()
				done[d] = time.Now()
				if len(done) == enough {
					close(reached)
				}
				mu.Unlock()
			}
		})
	}
	gone := make(chan struct{})
	go func() { clients.Wait(); close(gone) }()
	select {
	case <-reached:
	case <-gone:
		t.Fatalf("all clients gave up after %d uploads", len(done))
	}
	mu.Lock()
	first := maps.Clone(done)
	mu.Unlock()
	end(first)
	<-gone
	return done
}

// unrecorded returns which of the uploads have no record.
func (s *scene) unrecorded(t *testing.T, done map[digest.Digest]time.Time) (missing []time.Time) {
	t.Helper()
	head, err := s.DB.AuditHead(t.Context(), audit.Of(s.org))
	if err != nil {
		t.Fatal(err)
	}
	records, err := s.DB.AuditRecords(t.Context(), audit.Of(s.org), 1, head.Seq, audit.Query{Limit: 1_000_000, ActionPrefix: audit.ArtifactUpload})
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, r := range records {
		there[r.Object] = true
	}
	for d, at := range done {
		if !there["artifact/"+d.String()] {
			missing = append(missing, at)
		}
	}
	return missing
}

// A cas that is killed loses the records of its last moment, and no others: what has been
// written while it lived stays. What docs/audit.md says of that moment is measured here; how
// long it is depends on what else the machine does.
func TestKilledLosesTheLastMoment(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := s.start(t)
	var killed time.Time
	var written map[digest.Digest]time.Time
	done := s.answered(t, p, 300, func(first map[digest.Digest]time.Time) {
		poll(t, "what was answered is written", func() bool { return len(s.unrecorded(t, first)) == 0 })
		written, killed = first, time.Now()
		p.Kill()
	})
	if lost := s.unrecorded(t, written); len(lost) != 0 {
		t.Errorf("%d records that were there before it was killed are not there afterwards", len(lost))
	}
	missing := s.unrecorded(t, done)
	longest := time.Duration(0)
	for _, at := range missing {
		longest = max(longest, killed.Sub(at))
	}
	t.Logf("%d of %d uploads have no record; the oldest of them was answered %s before the kill", len(missing), len(done), longest)
	if longest > 30*time.Second { // 50 ms and a batch, on a machine that does much else
		t.Errorf("the record of an upload that was answered %s before the kill is lost", longest)
	}
}

// A cas that is told to stop loses none.
func TestStoppedLosesNoRecord(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := s.start(t)
	done := s.answered(t, p, 300, func(map[digest.Digest]time.Time) { p.terminate(t); <-p.Ended() })
	if missing := s.unrecorded(t, done); len(missing) != 0 {
		t.Errorf("%d of %d uploads have no record", len(missing), len(done))
	}
}
