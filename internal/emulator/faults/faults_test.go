package faults_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/emulator/faults"
)

// kinds asks n times for the same operation and lists what was due.
func kinds(s *faults.Set, n int, service, operation string) string {
	var got []string
	for range n {
		rule, due := s.Next(service, operation)
		if !due {
			rule.Kind = "-"
		}
		got = append(got, string(rule.Kind))
	}
	return strings.Join(got, " ")
}

func TestNext(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name               string
		rules              []faults.Rule
		service, operation string
		want               string
	}{
		{"none", nil, "s3", "GetObject", "- - - -"},
		{"always", []faults.Rule{{Kind: "throttle"}}, "s3", "GetObject", "throttle throttle throttle throttle"},
		{"twice", []faults.Rule{{Kind: "error", Count: 2}}, "s3", "GetObject", "error error - -"},
		{"the second", []faults.Rule{{Kind: "cut-after", After: 1, Count: 1}}, "s3", "GetObject", "- cut-after - -"},
		{"from the third on", []faults.Rule{{Kind: "cut-before", After: 2}}, "s3", "GetObject", "- - cut-before cut-before"},
		{"other operation", []faults.Rule{{Kind: "throttle", Operation: "PutObject"}}, "s3", "GetObject", "- - - -"},
		{"other service", []faults.Rule{{Kind: "throttle", Service: "sts"}}, "s3", "GetObject", "- - - -"},
		{"this one", []faults.Rule{{Kind: "throttle", Service: "s3", Operation: "GetObject"}}, "s3", "GetObject", "throttle throttle throttle throttle"},
		{"one after the other", []faults.Rule{{Kind: "throttle", Count: 1}, {Kind: "error", Count: 1}}, "s3", "GetObject", "throttle error - -"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var s faults.Set
			if err := s.Replace(faults.Plan{Rules: tc.rules}); err != nil {
				t.Fatal(err)
			}
			if got := kinds(&s, 4, tc.service, tc.operation); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		rule    faults.Rule
		service string
		want    string
	}{
		{faults.Rule{Kind: faults.Throttle}, "s3", "SlowDown (503)"},
		{faults.Rule{Kind: faults.Throttle}, "s3control", "SlowDown (503)"},
		{faults.Rule{Kind: faults.Throttle}, "sts", "Throttling (400)"},
		{faults.Rule{Kind: faults.Throttle}, "iam", "Throttling (400)"},
		{faults.Rule{Kind: faults.Throttle}, "kms", "ThrottlingException (400)"},
		{faults.Rule{Kind: faults.Failure}, "s3", "InternalError (500)"},
		{faults.Rule{Kind: faults.Failure}, "iam", "InternalFailure (500)"},
		{faults.Rule{Kind: faults.Failure}, "kms", "KMSInternalException (500)"},
		{faults.Rule{Kind: faults.Throttle}, "secretsmanager", "ThrottlingException (400)"},
		{faults.Rule{Kind: faults.Failure}, "secretsmanager", "InternalServiceError (500)"},
		{faults.Rule{Kind: faults.Failure, Status: 409, Code: "ConditionalRequestConflict"}, "s3", "ConditionalRequestConflict (409)"},
	} {
		got := tc.rule.Error(tc.service).Error()
		if !strings.HasPrefix(got, tc.want) {
			t.Errorf("%s of %s: %s, want %s", tc.rule.Kind, tc.service, got, tc.want)
		}
	}
	if e := (faults.Rule{Kind: faults.CutAfter}).Error("s3"); e != nil {
		t.Errorf("a cut connection answers %v", e)
	}
}

func TestAdminEndpoint(t *testing.T) {
	t.Parallel()
	var s faults.Set
	call := func(method, body string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(method, "/_aws/faults", strings.NewReader(body)))
		return w
	}
	if w := call("PUT", `[{"service":"s3","operation":"PutObject","kind":"cut-after","count":1}]`); w.Code != 204 {
		t.Fatalf("PUT of a list: %d %s", w.Code, w.Body)
	}
	want := faults.Plan{Rules: []faults.Rule{{Service: "s3", Operation: "PutObject", Kind: "cut-after", Count: 1}}}
	if diff := cmp.Diff(want, s.Plan()); diff != "" {
		t.Error(diff)
	}
	if w := call("PUT", `{"iamPropagationMs":250,"rules":[{"kind":"latency","delayMs":1}]}`); w.Code != 204 {
		t.Fatalf("PUT of a plan: %d %s", w.Code, w.Body)
	}
	if s.IAMPropagation() != 250*time.Millisecond {
		t.Errorf("propagation %v", s.IAMPropagation())
	}
	kept := s.Plan()
	for _, wrong := range []string{
		``, `{`, `[{}]`, `[{"kind":"explode"}]`, `[{"kind":"throttle","count":-1}]`, `[{"kind":"latency"}]`,
		`[{"kind":"latency","delayMs":99999999}]`, `[{"kind":"error","status":200}]`, `[{"kind":"throttle","code":"X"}]`,
		`[{"kind":"cut-during","bytes":-1}]`, `[{"kind":"cut-after","bytes":1}]`, `[{"kind":"throttle","opration":"X"}]`, `[] []`, `{"iamPropagationMs":-1}`,
	} {
		if w := call("PUT", wrong); w.Code != 400 {
			t.Errorf("PUT %s: %d", wrong, w.Code)
		}
	}
	if diff := cmp.Diff(kept, s.Plan()); diff != "" {
		t.Errorf("a wrong plan changed the old one:\n%s", diff)
	}
	if w := call("GET", ""); w.Code != 200 || !strings.Contains(w.Body.String(), `"iamPropagationMs":250`) {
		t.Errorf("GET: %d %s", w.Code, w.Body)
	}
	if w := call("DELETE", ""); w.Code != 204 || len(s.Plan().Rules) != 0 || s.IAMPropagation() != 0 {
		t.Errorf("DELETE: %d, %+v", w.Code, s.Plan())
	}
	if w := call("POST", ""); w.Code != 405 {
		t.Errorf("POST: %d", w.Code)
	}
}
