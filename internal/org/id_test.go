package org_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/managedcas/managedcas/internal/org"
)

const acme = "0f8fad5b-d9cb-469f-a165-70867728950e"

func TestParseID(t *testing.T) {
	t.Parallel()
	id, err := org.ParseID(acme)
	if err != nil {
		t.Fatal(err)
	}
	if id.String() != acme || id.Compact() != strings.ReplaceAll(acme, "-", "") || id.IsZero() {
		t.Errorf("got %s, %s", id, id.Compact())
	}
}

func TestParseIDRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty":                 "",
		"uppercase":             strings.ToUpper(acme),
		"one uppercase digit":   "0F" + acme[2:],
		"undashed":              strings.ReplaceAll(acme, "-", ""),
		"braces":                "{" + acme + "}",
		"URN":                   "urn:uuid:" + acme,
		"nil UUID":              "00000000-0000-0000-0000-000000000000",
		"too short":             acme[:35],
		"too long":              acme + "0",
		"trailing newline":      acme + "\n",
		"leading space":         " " + acme[1:],
		"not hexadecimal":       "g" + acme[1:],
		"dash elsewhere":        "0f8fad5bd-9cb-469f-a165-70867728950e",
		"dash instead of digit": "-" + acme[1:],
		"wildcard":              acme[:35] + "*",
		"slash":                 acme[:35] + "/",
		"NUL":                   acme[:35] + "\x00",
		"invalid UTF-8":         acme[:35] + "\xff",
		"very long":             strings.Repeat("0", 1<<20),
	} {
		id, err := org.ParseID(text)
		if !errors.Is(err, org.ErrID) {
			t.Errorf("%s: got %v", name, err)
		}
		if !id.IsZero() {
			t.Errorf("%s: an id came with the error", name)
		}
		if err != nil && len(err.Error()) > 500 {
			t.Errorf("%s: the error repeats %d characters of input", name, len(err.Error()))
		}
	}
}

// RFC 9562 §5.4: version 4, variant 10x.
func TestNewIDIsARandomUUID(t *testing.T) {
	t.Parallel()
	seen := map[org.ID]bool{}
	for range 1000 {
		id := org.NewID()
		text := id.String()
		if text[14] != '4' || !strings.ContainsRune("89ab", rune(text[19])) {
			t.Fatalf("%s is not a version 4 UUID", text)
		}
		if back, err := org.ParseID(text); err != nil || back != id {
			t.Fatalf("%s came back as %s, %v", id, back, err)
		}
		if seen[id] {
			t.Fatalf("%s came twice", id)
		}
		seen[id] = true
	}
}

func TestIDTextRoundTrips(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{11}[1-9a-f]`).Draw(t, "id")
		id, err := org.ParseID(text)
		if err != nil || id.String() != text {
			t.Fatalf("%s came back as %s, %v", text, id, err)
		}
		marshalled, err := json.Marshal(map[org.ID]org.ID{id: id})
		if err != nil {
			t.Fatal(err)
		}
		var back map[org.ID]org.ID
		if err := json.Unmarshal(marshalled, &back); err != nil || back[id] != id {
			t.Fatalf("through JSON: %v, %v", back, err)
		}
	})
}

func TestUnmarshalKeepsTheOldValueOnError(t *testing.T) {
	t.Parallel()
	id := org.NewID()
	before := id
	if err := id.UnmarshalText([]byte("nobody")); !errors.Is(err, org.ErrID) || id != before {
		t.Errorf("got %s, %v", id, err)
	}
}

func FuzzParseID(f *testing.F) {
	for _, seed := range []string{acme, strings.ToUpper(acme), strings.ReplaceAll(acme, "-", ""), "00000000-0000-0000-0000-000000000000", "", acme + "\n", "-" + acme[1:]} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := org.ParseID(text)
		switch {
		case err == nil && (id.String() != text || id.IsZero()):
			t.Errorf("%q was read as %s: two spellings of one organization", text, id)
		case err != nil && (!errors.Is(err, org.ErrID) || !id.IsZero()):
			t.Errorf("%q: %s, %v", text, id, err)
		}
	})
}
