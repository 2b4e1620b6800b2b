package durability

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/managedcas/managedcas/test/process"
)

// The kinds of objects, which keys begin with. A multipart object has two parts and
// so two blobs, the others have one.
const (
	small = "small"
	large = "large"
	multi = "multi"
)

// partSize is the least that S3 lets a part have that is not the last one.
const partSize = 5 << 20

func sizeOf(key string) int {
	kind, _, _ := strings.Cut(key, "/")
	return map[string]int{small: 3001, large: 1 << 20, multi: partSize + 70_001}[kind]
}

func blobsOf(key string) int {
	switch {
	case strings.HasPrefix(key, multi):
		return 2
	case strings.HasPrefix(key, small):
		return 0 // it is in the database
	}
	return 1
}

// content is what generation of key holds; no other pair holds the same.
func content(key string, generation int) []byte {
	out := make([]byte, sizeOf(key))
	_, _ = rand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "%s#%d", key, generation))).Read(out) // never fails
	return out
}

// ledger is what the writers know: which generation of each key they tried last and
// which was acknowledged last, 0 for none, and the uploads that S3 told them of.
type ledger struct {
	mu      sync.Mutex
	tried   map[string]int
	acked   map[string]int
	uploads map[string]*attempt // by upload id
}

// attempt is one multipart upload.
type attempt struct {
	key        string
	generation int
	parts      int  // acknowledged, from the first
	completing bool // the last step was tried
	done       bool // and acknowledged
}

func newLedger() *ledger {
	return &ledger{tried: map[string]int{}, acked: map[string]int{}, uploads: map[string]*attempt{}}
}

func (l *ledger) try(key string) (generation int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tried[key]++
	return l.tried[key]
}

func (l *ledger) ack(key string, generation int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked[key] = generation
}

// await waits until something was acknowledged.
func (l *ledger) await(t *testing.T) {
	t.Helper()
	deadline := time.After(process.Patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		l.mu.Lock()
		n := len(l.acked)
		l.mu.Unlock()
		if n > 0 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("no object was ever acknowledged: a kill shows nothing")
		}
	}
}

// note changes what is known of an upload.
func (l *ledger) note(id string, change func(*attempt)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.uploads[id] == nil {
		l.uploads[id] = &attempt{}
	}
	change(l.uploads[id])
}
