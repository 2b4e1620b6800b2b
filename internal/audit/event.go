// Package audit says what an audit record is, and how records are chained so that a
// changed, missing or additional one is seen.
//
// Invariants:
//   - A record says who did what to which object, from where, and how it ended. It has no
//     secret, no text of a token, and nothing of AWS (DESIGN I10): whoever may read an
//     organization's records may read all of each.
//   - What a client chose (names, addresses of programs) is cleaned and bounded before it
//     is in a record.
//   - A chain begins at 1 and has no gaps. The hash of a record covers the one before it.
package audit

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/org"
)

// Chain is one sequence of records: an organization's, by its id, or the installation's.
type Chain string

// Installation is the chain of what belongs to no organization, and of the life of all.
const Installation Chain = "installation"

// Of returns the chain of an organization; of the zero ID, the installation's.
func Of(id org.ID) Chain {
	if id.IsZero() {
		return Installation
	}
	return Chain(id.String())
}

// Outcome is how it ended.
type Outcome string

// The outcomes.
const (
	Done   Outcome = "ok"
	Denied Outcome = "denied" // whoever asked may not, or showed no good token
	Failed Outcome = "failed" // it was allowed, and did not come about
)

// Event is something that happened, before it has its place in a chain.
type Event struct {
	// ID is unique: an event that is written again is the same.
	ID      uuid.UUID
	Chain   Chain
	Time    time.Time // UTC, in microseconds
	Action  string    // artifact.upload, token.create, …: docs/audit.md has all of them
	Object  string    // artifact/sha256:…, token/UUID, organization/UUID; empty: not known
	Outcome Outcome
	Reason  string // why not, as clients are told it: PERMISSION_DENIED; empty when done
	Origin
	// Details are what else matters, by name.
	Details map[string]string
}

// The bounds of a record, in bytes. A file name is the longest that a client chooses.
const (
	MaxText    = 255
	MaxDetails = 12
)

// New returns an event as records have it: with an id, and everything within bounds.
// More details than MaxDetails are a mistake of ours, and the last by name are left out.
func New(e Event) Event {
	if e.ID == uuid.Nil {
		e.ID = uuid.Must(uuid.NewV7())
	}
	if e.Outcome == "" {
		e.Outcome = Done
	}
	e.Time = e.Time.UTC().Truncate(time.Microsecond)
	e.Origin = e.Origin.clean()
	for _, text := range []*string{&e.Action, &e.Object, &e.Reason} {
		*text = Clean(*text)
	}
	var details map[string]string
	for _, name := range names(e.Details) {
		if value := Clean(e.Details[name]); value != "" && len(details) < MaxDetails {
			if details == nil {
				details = map[string]string{}
			}
			details[Clean(name)] = value
		}
	}
	e.Details = details
	return e
}

// Clean makes text of anybody's fit for a record: valid UTF-8, printable, MaxText bytes at
// most. What was cut ends in an ellipsis.
func Clean(text string) string { return clean(text, MaxText) }

func clean(text string, most int) string {
	const ellipsis = "…"
	if len(text) > most {
		cut := most - len(ellipsis)
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut] + ellipsis
	}
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}

// cleanSubject is Clean of name/UUID. It is the name that is cut: people choose those, and
// whoever has a long one would not be told from others.
func cleanSubject(subject string) string {
	slash := strings.LastIndexByte(subject, '/')
	if _, err := uuid.Parse(subject[slash+1:]); slash < 0 || err != nil {
		return Clean(subject)
	}
	return clean(subject[:slash], MaxText-len(subject[slash:])) + Clean(subject[slash:])
}
