package audit_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/org"
)

var acme = audit.Of(org.NewID())

func event(n int) audit.Event {
	return audit.New(audit.Event{
		Chain: acme, Time: time.Unix(1_700_000_000, int64(n)*1000), Action: audit.ArtifactUpload, Object: fmt.Sprint("artifact/", n), Reason: "R",
		Origin:  audit.Origin{Kind: audit.CASToken, Subject: "ci/1", RemoteIP: "192.0.2.1", UserAgent: "a", RequestID: "r"},
		Details: map[string]string{"size": "1", "file": "ä"},
	})
}

func chain(n int) []audit.Record {
	var records []audit.Record
	head := audit.Begin(acme)
	for i := range n {
		records = append(records, audit.Append(head, event(i)))
		head = records[i].Head()
	}
	return records
}

// verify returns the number of the first broken record; 0: none is.
func verify(records []audit.Record, kept ...audit.Head) int64 {
	v := audit.NewVerifier(acme, audit.Begin(acme))
	var broken *audit.Broken
	for _, r := range records {
		if errors.As(v.Next(r), &broken) {
			return broken.Seq
		}
		for _, k := range kept {
			if errors.As(v.Passes(k), &broken) {
				return broken.Seq
			}
		}
	}
	for _, k := range kept {
		if errors.As(v.Ends(k), &broken) {
			return broken.Seq
		}
	}
	return 0
}

// Whatever is changed in a record, is found at that record.
func TestEveryFieldIsCovered(t *testing.T) {
	t.Parallel()
	if n := verify(chain(5)); n != 0 {
		t.Fatalf("record %d of a whole chain is broken", n)
	}
	other := "x"
	for name, change := range map[string]func(*audit.Record){
		"chain": func(r *audit.Record) { r.Chain = audit.Installation }, "id": func(r *audit.Record) { r.ID = uuid.New() },
		"time":   func(r *audit.Record) { r.Time = r.Time.Add(time.Microsecond) },
		"action": func(r *audit.Record) { r.Action = other }, "object": func(r *audit.Record) { r.Object = other },
		"outcome": func(r *audit.Record) { r.Outcome = audit.Denied }, "reason": func(r *audit.Record) { r.Reason = other },
		"kind": func(r *audit.Record) { r.Kind = audit.System }, "subject": func(r *audit.Record) { r.Subject = other },
		"address": func(r *audit.Record) { r.RemoteIP = other }, "agent": func(r *audit.Record) { r.UserAgent = other },
		"request": func(r *audit.Record) { r.RequestID = other }, "hash": func(r *audit.Record) { r.Hash[31] ^= 1 },
		"detail":         func(r *audit.Record) { r.Details = map[string]string{"size": "2", "file": "ä"} },
		"name of detail": func(r *audit.Record) { r.Details = map[string]string{"sizes": "1", "file": "ä"} },
		"one detail":     func(r *audit.Record) { r.Details = map[string]string{"size": "1"} },
		// Texts that say the same one after the other are not the same record.
		"border": func(r *audit.Record) { r.Object, r.Outcome = r.Object+"o", r.Outcome[1:] },
	} {
		records := chain(5)
		change(&records[2])
		if n := verify(records); n != 3 {
			t.Errorf("%s: record %d is broken, want 3", name, n)
		}
	}
}

// What is missing, additional, exchanged or cut off is found; what was written anew as a
// whole, and cut off at the end, by a head that was kept, and only by that.
func TestEveryPlaceIsCovered(t *testing.T) {
	t.Parallel()
	whole := chain(5)
	kept := whole[4].Head()
	forged := slices.Clone(whole[:3])
	forged[1].Subject = "nobody"
	head := forged[0].Head()
	for i := 1; i < 3; i++ {
		forged[i] = audit.Append(head, forged[i].Event)
		head = forged[i].Head()
	}
	cut := func(from ...int) (some []audit.Record) {
		for _, i := range from {
			some = append(some, whole[i])
		}
		return some
	}
	for name, tc := range map[string]struct {
		records []audit.Record
		kept    []audit.Head
		want    int64
	}{
		"whole":                 {whole, []audit.Head{kept, whole[2].Head()}, 0},
		"grown since":           {whole, []audit.Head{whole[0].Head()}, 0},
		"from the beginning":    {whole, []audit.Head{audit.Begin(acme)}, 0},
		"another beginning":     {whole, []audit.Head{audit.Begin(audit.Installation)}, 1},
		"first is missing":      {cut(1, 2), nil, 1},
		"one is missing":        {cut(0, 1, 3, 4), nil, 3},
		"one comes twice":       {cut(0, 1, 1, 2), nil, 2},
		"exchanged":             {cut(0, 2, 1), nil, 2},
		"cut off, nothing kept": {cut(0, 1, 2), nil, 0},
		"cut off":               {cut(0, 1, 2), []audit.Head{kept}, 4},
		"anew, nothing kept":    {forged, nil, 0},
		"anew":                  {forged, []audit.Head{whole[2].Head()}, 3},
		"anew, kept before":     {forged, []audit.Head{whole[0].Head()}, 0},
	} {
		if n := verify(tc.records, tc.kept...); n != tc.want {
			t.Errorf("%s: record %d is broken, want %d", name, n, tc.want)
		}
	}
}

// The hash is what docs/audit.md says, so that other programs find the same.
func TestTheHashIsTheDocumentedOne(t *testing.T) {
	t.Parallel()
	e := event(0)
	e.Chain, e.ID = audit.Installation, uuid.MustParse("0198c2a8-0000-7000-8000-000000000001")
	r := audit.Append(audit.Begin(audit.Installation), e)
	if got := audit.Begin(audit.Installation).Hash.String() + " " + r.Hash.String(); got != documented {
		t.Errorf("%s, want %s", got, documented)
	}
}

// Records survive their line, however it is laid out; what would be covered by no hash is
// refused.
func TestLines(t *testing.T) {
	t.Parallel()
	for _, r := range chain(3) {
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var loose map[string]any
		if err := json.Unmarshal(text, &loose); err != nil {
			t.Fatal(err)
		}
		spread, err := json.MarshalIndent(loose, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		for _, layout := range [][]byte{text, spread} {
			back, err := audit.ParseLine(layout)
			if err != nil || fmt.Sprint(back) != fmt.Sprint(r) {
				t.Errorf("%+v, %v, want %+v", back, err, r)
			}
		}
		for name, bad := range map[string]string{
			"empty": "", "more": string(text) + "{}", "unknown": strings.Replace(string(text), `"seq"`, `"note":"x","seq"`, 1),
			"short hash": strings.Replace(string(text), `"hash":"`, `"hash":"0`, 1), "no time": strings.Replace(string(text), "2023-", "23-", 1),
			"another case": strings.Replace(string(text), `"subject":`, `"subject":"forged","Subject":`, 1),
			"twice":        strings.Replace(string(text), `"subject":`, `"subject":"forged","subject":`, 1),
			"detail twice": strings.Replace(string(text), `"size":`, `"size":"9","size":`, 1),
			"long":         `{"chain":"` + strings.Repeat("x", audit.MaxLine) + `"}`,
		} {
			if _, err := audit.ParseLine([]byte(bad)); err == nil {
				t.Errorf("%s: accepted", name)
			}
		}
	}
}

func TestHeads(t *testing.T) {
	t.Parallel()
	head := chain(2)[1].Head()
	if back, err := audit.ParseHead(head.String()); err != nil || back != head {
		t.Errorf("%v, %v", back, err)
	}
	for _, bad := range []string{"", "1", ":", "x:" + head.Hash.String(), "-1:" + head.Hash.String(), "1:" + strings.ToUpper(head.Hash.String()), head.String() + "0"} {
		if _, err := audit.ParseHead(bad); err == nil {
			t.Errorf("%q: accepted", bad)
		}
	}
}

// What strangers choose is bounded and clean, and the longest record fits in a line.
func TestRecordsAreBounded(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"ok": "ok", "a\x00b\nc": "a?b?c", "\xff": "?", "\u202eevil": "?evil", strings.Repeat("a", 255): strings.Repeat("a", 255),
		strings.Repeat("a", 256): strings.Repeat("a", 252) + "…", strings.Repeat("ä", 200): strings.Repeat("ä", 126) + "…",
	} {
		if got := audit.Clean(text); got != want || !utf8.ValidString(got) || len(got) > audit.MaxText {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
	long := strings.Repeat("<", 300)
	details := map[string]string{"empty": ""}
	for i := range 20 {
		details[fmt.Sprintf("%02d%s", i, long)] = long
	}
	e := audit.New(audit.Event{Chain: acme, Action: long, Object: long, Reason: long, Details: details,
		Origin: audit.Origin{Subject: long, RemoteIP: long, UserAgent: long, RequestID: long}})
	if len(e.Details) != audit.MaxDetails || e.ID == uuid.Nil || e.Kind != audit.Unknown || e.Outcome != audit.Done {
		t.Errorf("%+v", e)
	}
	text, err := json.Marshal(audit.Append(audit.Begin(acme), e))
	if err != nil || len(text) > audit.MaxLine {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	if _, err := audit.ParseLine(text); err != nil {
		t.Error(err)
	}
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	if got := audit.OriginFrom(t.Context()); got.Kind != audit.System {
		t.Errorf("%+v did what nobody asked for", got)
	}
	want := audit.Origin{Kind: audit.User, Subject: "u"}
	if got := audit.OriginFrom(audit.WithOrigin(t.Context(), want)); got != want {
		t.Errorf("%+v", got)
	}
	for remote, want := range map[string]string{
		"192.0.2.1:443": "192.0.2.1", "[2001:db8::1%eth0]:1": "2001:db8::1", "[::ffff:192.0.2.1]:1": "192.0.2.1", "bufconn": "", "": "",
	} {
		if got := audit.Address(remote); got != want {
			t.Errorf("%s is %q, want %q", remote, got, want)
		}
	}
}
