package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Hash of a record, and of everything before it in its chain.
type Hash [sha256.Size]byte

// String returns it in hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText implements encoding.TextMarshaler.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(h)) || strings.ToLower(string(text)) != string(text) {
		return fmt.Errorf("%d characters are no hash: want 64 lowercase hexadecimal digits", len(text))
	}
	if _, err := hex.Decode(h[:], text); err != nil {
		return fmt.Errorf("no hash: %w", err)
	}
	return nil
}

// Head is the last record of a chain: whoever keeps one notices when the chain is
// changed, or cut, before it.
type Head struct {
	Seq  int64
	Hash Hash
}

// String returns SEQ:HASH, as ParseHead reads it.
func (h Head) String() string { return strconv.FormatInt(h.Seq, 10) + ":" + h.Hash.String() }

// ParseHead reads SEQ:HASH.
func ParseHead(text string) (Head, error) {
	number, sum, _ := strings.Cut(text, ":")
	seq, err := strconv.ParseInt(number, 10, 64)
	if err != nil || seq < 0 {
		return Head{}, fmt.Errorf("%q is no head of a chain: give SEQ:HASH, as an export prints it", Clean(text))
	}
	h := Head{Seq: seq}
	if err := h.Hash.UnmarshalText([]byte(sum)); err != nil {
		return Head{}, fmt.Errorf("%q is no head of a chain: %w", Clean(text), err)
	}
	return h, nil
}

// Record is an event at its place in a chain.
type Record struct {
	Event
	Seq  int64
	Hash Hash
}

// Head returns the head of the chain that ends with r.
func (r Record) Head() Head { return Head{r.Seq, r.Hash} }

// Begin returns the head of a chain that has no records. It depends on the chain: one
// cannot be shown for another.
func Begin(chain Chain) Head {
	return Head{Hash: sum("managedcas audit chain v1", string(chain))}
}

// Append returns the record of an event behind head. The event must be one of New.
func Append(head Head, e Event) Record {
	r := Record{Event: e, Seq: head.Seq + 1}
	r.Hash = hashOf(head.Hash, r)
	return r
}

// timeLayout has as many digits as databases keep.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// hashOf is SHA-256 over the fields in this order, each after its length in 8 bytes, big
// endian: no two records have the same encoding. docs/audit.md has it for other programs.
func hashOf(before Hash, r Record) Hash {
	fields := []string{
		"managedcas audit record v1", string(before[:]), string(r.Chain), strconv.FormatInt(r.Seq, 10),
		r.ID.String(), r.Time.UTC().Format(timeLayout), r.Action, r.Object, string(r.Outcome), r.Reason,
		string(r.Kind), r.Subject, r.RemoteIP, r.UserAgent, r.RequestID,
	}
	for _, name := range names(r.Details) {
		fields = append(fields, name, r.Details[name])
	}
	return sum(fields...)
}

func names(details map[string]string) []string { return slices.Sorted(maps.Keys(details)) }

func sum(fields ...string) (s Hash) {
	h := sha256.New()
	for _, field := range fields {
		write(h, field)
	}
	h.Sum(s[:0])
	return s
}

func write(h hash.Hash, field string) {
	_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(field)))) // a hash takes everything
	_, _ = h.Write([]byte(field))
}

// instant reads a time as records have it.
func instant(text string) (time.Time, error) { return time.Parse(timeLayout, text) }
