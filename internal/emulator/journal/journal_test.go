package journal_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/emulator/journal"
	"github.com/managedcas/managedcas/internal/iam"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// filled returns a journal of size 3 that five requests went through, one a minute.
func filled() *journal.Journal {
	j := journal.New(3)
	for i, e := range []journal.Entry{
		{Service: "s3", Operation: "GetObject"},
		{Service: "s3", Operation: "GetObject"},
		{Service: "s3", Operation: "PutObject", Code: "AccessDenied", RequestID: "R3"},
		{Service: "sts", Operation: "AssumeRole", Code: "AccessDenied", RequestID: "R4"},
		{Service: "s3", Operation: "PutObject", RequestID: "R5"},
	} {
		e.Time = noon.Add(time.Duration(i) * time.Minute)
		j.Add(e)
	}
	return j
}

func sequences(entries []journal.Entry) []uint64 {
	got := []uint64{}
	for _, e := range entries {
		got = append(got, e.Sequence)
	}
	return got
}

func TestEntries(t *testing.T) {
	t.Parallel()
	j := filled()
	for _, tc := range []struct {
		query  string
		filter journal.Filter
		want   []uint64
	}{
		{"", journal.Filter{}, []uint64{3, 4, 5}},
		{"limit=2", journal.Filter{Limit: 2}, []uint64{4, 5}},
		{"after=4", journal.Filter{After: 4}, []uint64{5}},
		{"since=" + url.QueryEscape(noon.Add(3*time.Minute).Format(time.RFC3339)), journal.Filter{Since: noon.Add(3 * time.Minute)}, []uint64{4, 5}},
		{"service=sts", journal.Filter{Service: "sts"}, []uint64{4}},
		{"operation=PutObject", journal.Filter{Operation: "PutObject"}, []uint64{3, 5}},
		{"code=AccessDenied&service=s3", journal.Filter{Code: "AccessDenied", Service: "s3"}, []uint64{3}},
		{"request=R5", journal.Filter{RequestID: "R5"}, []uint64{5}},
		{"request=none", journal.Filter{RequestID: "none"}, []uint64{}},
	} {
		if diff := cmp.Diff(tc.want, sequences(j.Entries(tc.filter))); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tc.filter, diff)
		}
		w := httptest.NewRecorder()
		j.ServeHTTP(w, httptest.NewRequest("GET", "/_aws/journal?"+tc.query, nil))
		var answer struct{ Entries []journal.Entry }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("%s: %v in %s", tc.query, err, w.Body)
		}
		if diff := cmp.Diff(tc.want, sequences(answer.Entries)); diff != "" {
			t.Errorf("GET ?%s (-want +got):\n%s", tc.query, diff)
		}
	}
}

func TestClearKeepsCounting(t *testing.T) {
	t.Parallel()
	j := filled()
	w := httptest.NewRecorder()
	j.ServeHTTP(w, httptest.NewRequest("DELETE", "/_aws/journal", nil))
	if w.Code != http.StatusNoContent || len(j.Entries(journal.Filter{})) != 0 {
		t.Fatalf("status %d, %d entries", w.Code, len(j.Entries(journal.Filter{})))
	}
	j.Add(journal.Entry{})
	if diff := cmp.Diff([]uint64{6}, sequences(j.Entries(journal.Filter{}))); diff != "" {
		t.Error(diff)
	}
}

func TestWrongQuestions(t *testing.T) {
	t.Parallel()
	j := journal.New(0)
	for request, want := range map[string]int{
		"GET /?since=yesterday": 400,
		"GET /?limit=x":         400,
		"GET /?limit=-1":        400,
		"GET /?after=-1":        400,
		"GET /?opertion=x":      400, // a misspelt filter must not select everything
		"POST /":                405,
	} {
		method, target, _ := strings.Cut(request, " ")
		w := httptest.NewRecorder()
		j.ServeHTTP(w, httptest.NewRequest(method, target, nil))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", request, w.Code, want)
		}
		if answer := w.Body.String(); strings.Contains(answer, "strconv") || strings.Contains(answer, "parsing time") {
			t.Errorf("%s: %s is about the program, not the request", request, answer)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	j := journal.New(100)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 200 {
				j.Add(journal.Entry{RequestID: strconv.Itoa(i*1000 + n)})
				j.Entries(journal.Filter{Limit: 1})
			}
		})
	}
	wg.Wait()
	entries := j.Entries(journal.Filter{})
	for i, e := range entries {
		if e.Sequence != uint64(1501+i) {
			t.Fatalf("entry %d has sequence %d", i, e.Sequence)
		}
	}
	if len(entries) != 100 {
		t.Errorf("%d entries", len(entries))
	}
}

// TestNoFieldForSecrets makes adding a field a decision: the journal is readable
// without credentials.
func TestNoFieldForSecrets(t *testing.T) {
	t.Parallel()
	want := "Sequence RequestID Time Duration Service Operation Caller AccessKeyID SourceIP Resource Status Code Message Fault Decisions"
	var got []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[journal.Entry]()) {
		got = append(got, f.Name)
	}
	if diff := cmp.Diff(strings.Fields(want), got); diff != "" {
		t.Errorf("fields changed; is the new one free of secrets? (-want +got):\n%s", diff)
	}
}

// One request can ask a thousand questions: what is kept of it is bounded, the denials
// rather than the rest.
func TestDecisionsAreBounded(t *testing.T) {
	t.Parallel()
	j := journal.New(1)
	allowed, denied := iam.Decision{Result: iam.Allowed}, iam.Decision{Result: iam.ExplicitlyDenied}
	many := slices.Repeat([]iam.Decision{allowed}, 999)
	j.Add(journal.Entry{Decisions: append(many, denied)})
	got := j.Entries(journal.Filter{})[0].Decisions
	if len(got) != 100 || cap(got) > 200 || got[98].Result != iam.Allowed || got[99].Result != iam.ExplicitlyDenied {
		t.Errorf("kept %d of %d decisions, capacity %d", len(got), len(many)+1, cap(got))
	}
	j.Add(journal.Entry{Decisions: slices.Repeat([]iam.Decision{denied}, 1000)})
	if got := j.Entries(journal.Filter{})[0].Decisions; len(got) != 100 || got[0].Result != iam.ExplicitlyDenied {
		t.Errorf("kept %d denials", len(got))
	}
}

// What becomes known of a request later is put into its entry, and into no other one: not
// when that one has been pushed out, nor when it was forgotten.
func TestAmend(t *testing.T) {
	t.Parallel()
	for sequence := range uint64(9) {
		j := filled() // 3, 4 and 5
		want := j.Entries(journal.Filter{})
		for i := range want {
			if want[i].Sequence == sequence {
				want[i] = journal.Entry{Sequence: sequence, Code: "amended"}
			}
		}
		j.Amend(journal.Entry{Sequence: sequence, Code: "amended"})
		if diff := cmp.Diff(want, j.Entries(journal.Filter{})); diff != "" {
			t.Errorf("%d: %s", sequence, diff)
		}
	}
	j := filled()
	j.Clear()
	for sequence := range uint64(8) {
		j.Amend(journal.Entry{Sequence: sequence})
	}
	if sequence := j.Add(journal.Entry{}); sequence != 6 {
		t.Errorf("the next one is %d", sequence)
	}
	if diff := cmp.Diff([]uint64{6}, sequences(j.Entries(journal.Filter{}))); diff != "" {
		t.Error(diff)
	}
}
