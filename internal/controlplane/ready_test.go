package controlplane_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/controlplane"
)

// TestReadyMeansReady: every check has to hold, and the answer names the one that does not.
func TestReadyMeansReady(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	var failing error
	handler := controlplane.New(controlplane.Config{
		Store: p.db, Tokens: p.tokens, Keys: p.keys, Log: slog.New(slog.DiscardHandler),
		Checks: map[string]func(context.Context) error{
			"a": func(context.Context) error { return nil },
			"b": func(context.Context) error { return failing },
		},
	}).HTTPHandler(nil)
	for _, tc := range []struct {
		fails error
		code  int
		says  string
	}{{nil, 200, "{}"}, {errors.New("why"), 503, "not ready: b"}, {nil, 200, "{}"}} {
		failing = tc.fails
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		if w.Code != tc.code || !strings.Contains(w.Body.String(), tc.says) || strings.Contains(w.Body.String(), "why") {
			t.Errorf("%v: HTTP %d %s, want %d and %q", tc.fails, w.Code, w.Body, tc.code, tc.says)
		}
	}
}
