package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/google/uuid"
)

// MaxLine is longer than the line of any record, in bytes: each has at most a dozen texts,
// and as many details, of MaxText, which JSON may write with six characters a byte.
const MaxLine = 64 << 10

// line is how records are exported: JSON, one to a line.
type line struct {
	Chain     Chain             `json:"chain"`
	Seq       int64             `json:"seq"`
	ID        uuid.UUID         `json:"id"`
	Time      string            `json:"time"`
	Action    string            `json:"action"`
	Object    string            `json:"object,omitempty"`
	Outcome   Outcome           `json:"outcome"`
	Reason    string            `json:"reason,omitempty"`
	Kind      Kind              `json:"subjectKind"`
	Subject   string            `json:"subject,omitempty"`
	RemoteIP  string            `json:"remoteIp,omitempty"`
	UserAgent string            `json:"userAgent,omitempty"`
	RequestID string            `json:"requestId,omitempty"`
	Details   map[string]string `json:"details,omitempty"`
	Hash      Hash              `json:"hash"`
}

// MarshalJSON implements json.Marshaler.
func (r Record) MarshalJSON() ([]byte, error) {
	return json.Marshal(line{
		Chain: r.Chain, Seq: r.Seq, ID: r.ID, Time: r.Time.UTC().Format(timeLayout), Action: r.Action, Object: r.Object,
		Outcome: r.Outcome, Reason: r.Reason, Kind: r.Kind, Subject: r.Subject, RemoteIP: r.RemoteIP, UserAgent: r.UserAgent,
		RequestID: r.RequestID, Details: r.Details, Hash: r.Hash,
	})
}

// ParseLine reads a record. What a record has no place for is refused, and would be
// covered by no hash; how the JSON is laid out does not matter. So is a name that comes
// twice, or in other letters: of the two values one would be covered, and another program
// might read the other.
func ParseLine(text []byte) (Record, error) {
	if len(text) > MaxLine {
		return Record{}, fmt.Errorf("%d bytes are no record: at most %d", len(text), MaxLine)
	}
	var l line
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&l); err != nil {
		return Record{}, fmt.Errorf("no record: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Record{}, errors.New("no record: there is more behind it")
	}
	if err := checkNames(text); err != nil {
		return Record{}, fmt.Errorf("no record: %w", err)
	}
	at, err := instant(l.Time)
	if err != nil {
		return Record{}, fmt.Errorf("no record: %w", err)
	}
	return Record{Seq: l.Seq, Hash: l.Hash, Event: Event{
		ID: l.ID, Chain: l.Chain, Time: at, Action: l.Action, Object: l.Object, Outcome: l.Outcome, Reason: l.Reason,
		Origin:  Origin{Kind: l.Kind, Subject: l.Subject, RemoteIP: l.RemoteIP, UserAgent: l.UserAgent, RequestID: l.RequestID},
		Details: l.Details,
	}}, nil
}

// lineNames are the names that a line has.
var lineNames = func() map[string]bool {
	names := map[string]bool{}
	for field := range reflect.TypeFor[line]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names[name] = true
	}
	return names
}()

// checkNames refuses names that encoding/json takes for those of a line, and names that come
// twice in an object, of which it takes the last. Text is JSON that was read as a line.
func checkNames(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	var objects []map[string]bool // that are open: their names so far
	name := false                 // the next token is one
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case json.Delim:
			if token == '{' {
				objects, name = append(objects, map[string]bool{}), true
				continue
			}
			objects = objects[:len(objects)-1]
		case string:
			if !name {
				break
			}
			names := objects[len(objects)-1]
			switch {
			case len(objects) == 1 && !lineNames[token]:
				return fmt.Errorf("it has %q", Clean(token))
			case names[token]:
				return fmt.Errorf("it has %q twice", Clean(token))
			}
			names[token], name = true, false
			continue
		}
		name = true // after a value
	}
}
