// Package journal remembers what the embedded AWS was asked and why it answered as
// it did: who, what, on which resource, the verdict and the statements that
// decided. It is what tests and people explain a denial with. It holds no secrets:
// no secret keys, session tokens, signatures, bodies or object data.
package journal

import (
	"strings"
	"sync"
	"time"

	"github.com/managedcas/managedcas/internal/iam"
)

// DefaultSize is how many entries a journal keeps.
const DefaultSize = 10_000

// maxDecisions is how many decisions an entry keeps.
const maxDecisions = 100

// MaxMessage bounds the message of an entry in bytes: messages repeat what clients send.
const MaxMessage = 1 << 10

// Entry is one request whose answer has begun, or which has none.
type Entry struct {
	Sequence    uint64         `json:"sequence"` // from 1, without gaps
	RequestID   string         `json:"requestId"`
	Time        time.Time      `json:"time"` // of arrival
	Duration    time.Duration  `json:"durationNanos"`
	Service     string         `json:"service"`             // "s3", "s3control", "sts", "iam", …
	Operation   string         `json:"operation,omitempty"` // empty: not known
	Caller      string         `json:"caller,omitempty"`    // ARN; empty before authentication
	AccessKeyID string         `json:"accessKeyId,omitempty"`
	SourceIP    string         `json:"sourceIp,omitempty"`
	Resource    string         `json:"resource,omitempty"`
	Status      int            `json:"status"`            // 0: no answer had begun when the connection was cut
	Code        string         `json:"code,omitempty"`    // AWS error code
	Message     string         `json:"message,omitempty"` // what the client was told with Code, at most MaxMessage bytes
	Fault       string         `json:"fault,omitempty"`   // kind of the injected fault
	Decisions   []iam.Decision `json:"decisions,omitempty"`
}

// Filter selects entries. Its zero value selects all that are kept.
type Filter struct {
	After     uint64 // sequence number; only later entries
	Since     time.Time
	Service   string
	Operation string
	Code      string
	RequestID string
	Limit     int // the newest Limit of those selected; 0: all
}

func (f Filter) selects(e Entry) bool {
	return e.Sequence > f.After &&
		!e.Time.Before(f.Since) &&
		(f.Service == "" || f.Service == e.Service) &&
		(f.Operation == "" || f.Operation == e.Operation) &&
		(f.Code == "" || f.Code == e.Code) &&
		(f.RequestID == "" || f.RequestID == e.RequestID)
}

// Journal keeps the newest entries in memory. It is safe for concurrent use.
type Journal struct {
	mu   sync.RWMutex
	ring []Entry
	next uint64 // sequence number of the next entry
	kept int
}

// New returns an empty journal that keeps the newest size entries, DefaultSize when
// size is not positive.
func New(size int) *Journal {
	if size <= 0 {
		size = DefaultSize
	}
	return &Journal{ring: make([]Entry, size), next: 1}
}

// Add appends e, gives it its sequence number, and returns that.
func (j *Journal) Add(e Entry) uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	e.Sequence = j.next
	j.ring[j.slot(e.Sequence)] = e.limited()
	j.next++
	j.kept = min(j.kept+1, len(j.ring))
	return e.Sequence
}

// Amend puts e in the place of the entry that has its sequence number, unless that one is
// forgotten.
func (j *Journal) Amend(e Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if e.Sequence < j.next && e.Sequence >= j.next-uint64(j.kept) {
		j.ring[j.slot(e.Sequence)] = e.limited()
	}
}

// limited is e as far as it is kept.
func (e Entry) limited() Entry {
	e.Decisions = bounded(e.Decisions)
	e.Message = strings.ToValidUTF8(e.Message[:min(len(e.Message), MaxMessage)], "")
	return e
}

// bounded keeps the denials before the rest: they are what a journal is read for.
func bounded(all []iam.Decision) []iam.Decision {
	surplus := len(all) - maxDecisions
	if surplus <= 0 {
		return all
	}
	kept := make([]iam.Decision, 0, maxDecisions)
	for _, d := range all {
		if surplus > 0 && d.Allowed() {
			surplus--
			continue
		}
		if len(kept) < maxDecisions {
			kept = append(kept, d)
		}
	}
	return kept
}

// Entries returns the entries that f selects, oldest first.
func (j *Journal) Entries(f Filter) []Entry {
	j.mu.RLock()
	defer j.mu.RUnlock()
	selected := []Entry{}
	for seq := j.next - uint64(j.kept); seq < j.next; seq++ {
		if e := j.ring[j.slot(seq)]; f.selects(e) {
			selected = append(selected, e)
		}
	}
	if f.Limit > 0 && len(selected) > f.Limit {
		selected = selected[len(selected)-f.Limit:]
	}
	return selected
}

// Clear forgets all entries. Sequence numbers go on.
func (j *Journal) Clear() {
	j.mu.Lock()
	defer j.mu.Unlock()
	clear(j.ring)
	j.kept = 0
}

func (j *Journal) slot(seq uint64) uint64 { return seq % uint64(len(j.ring)) }
