package problem_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/problem"
)

// TestI12_permanentIsNeverRetryable holds the table against what the stock client
// retries by code alone (facts WIRE §1.7).
func TestI12_permanentIsNeverRetryable(t *testing.T) {
	t.Parallel()
	retriedByCode := map[uint32]bool{4: true, 14: true} // DeadlineExceeded, Unavailable
	names, exits := map[string]bool{}, map[int]bool{}
	for _, k := range problem.Kinds() {
		if k.String() == "" || k.Reason() == "" {
			t.Errorf("kind %d has no row", k)
		}
		if names[k.String()] || exits[k.ExitCode()] {
			t.Errorf("%v: name or exit code %d is used twice", k, k.ExitCode())
		}
		names[k.String()], exits[k.ExitCode()] = true, true
		if k.ExitCode() == 0 || k.ExitCode() == 4 {
			t.Errorf("%v: exit code %d is taken", k, k.ExitCode())
		}
		if retriedByCode[k.GRPCCode()] != k.Retryable() && k != problem.Conflict && k != problem.Throttled {
			t.Errorf("%v: gRPC code %d and Retryable()=%v contradict each other", k, k.GRPCCode(), k.Retryable())
		}
		if k.Retryable() && k.HTTPStatus() < 500 && k.HTTPStatus() != 409 && k != problem.Throttled {
			t.Errorf("%v is retryable, but HTTP %d says that the client must change something", k, k.HTTPStatus())
		}
		if back, ok := problem.ParseKind(k.String()); !ok || back != k {
			t.Errorf("ParseKind(%q) = %v, %v", k.String(), back, ok)
		}
	}
	if k := problem.Kind(250); k.HTTPStatus() != 500 {
		t.Errorf("an unknown kind answers HTTP %d, want 500", k.HTTPStatus())
	}
}

func TestFrom(t *testing.T) {
	t.Parallel()
	secret := errors.New("arn:aws:s3:eu-west-1:111122223333:accesspoint/x")
	known := problem.Wrap(secret, problem.NotFound, "no such artifact", "upload it first")
	for _, tc := range []struct {
		name string
		err  error
		want problem.Kind
	}{
		{"problem", known, problem.NotFound},
		{"wrapped problem", fmt.Errorf("reading: %w", known), problem.NotFound},
		{"canceled", fmt.Errorf("reading: %w", context.Canceled), problem.Canceled},
		{"deadline", context.DeadlineExceeded, problem.Deadline},
		{"anything else", io.ErrUnexpectedEOF, problem.Internal},
	} {
		if got := problem.KindOf(tc.err); got != tc.want {
			t.Errorf("%s: kind %v, want %v", tc.name, got, tc.want)
		}
	}
	if problem.From(nil) != nil {
		t.Error("From(nil) is not nil")
	}
	if !errors.Is(known, secret) || !strings.Contains(known.Error(), "arn:") {
		t.Error("the cause is lost for the log")
	}
	if strings.Contains(problem.From(secret).Public(), "arn:") {
		t.Error("an unclassified error reaches the client")
	}
	if got := known.WithReason("R").Reason(); got != "R" || known.Reason() != "NOT_FOUND" {
		t.Errorf("reasons: %q, %q", got, known.Reason())
	}
}

func TestI10_WriteHTTPHidesTheCause(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	problem.WriteHTTP(w, problem.Wrap(errors.New("arn:aws:iam::111122223333:role/base"),
		problem.Unauthenticated, "JWT token is missing", "pass --token"))
	if w.Code != 401 || w.Header().Get("WWW-Authenticate") == "" {
		t.Errorf("status %d, headers %v", w.Code, w.Header())
	}
	if strings.Contains(w.Body.String(), "arn:") {
		t.Errorf("the cause is in the body: %s", w.Body)
	}
	var doc map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || doc["kind"] != "unauthenticated" || doc["hint"] != "pass --token" {
		t.Errorf("body %v, %v", doc, err)
	}
}
