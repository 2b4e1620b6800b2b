package controlplane_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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

// TestProbesShareOneLook: however many ask at the same time, the checks run once at a time.
func TestProbesShareOneLook(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	var looking, most, looks atomic.Int64
	handler := controlplane.New(controlplane.Config{
		Store: p.db, Tokens: p.tokens, Keys: p.keys, Log: slog.New(slog.DiscardHandler),
		Checks: map[string]func(context.Context) error{"slow": func(context.Context) error {
			looks.Add(1)
			if now := looking.Add(1); now > most.Load() {
				most.Store(now)
			}
			<-time.After(5 * time.Millisecond)
			looking.Add(-1)
			return nil
		}},
	}).HTTPHandler(nil)
	var probes sync.WaitGroup
	for range 100 {
		probes.Go(func() {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
			if w.Code != http.StatusOK {
				t.Errorf("HTTP %d %s", w.Code, w.Body)
			}
		})
	}
	probes.Wait()
	if most.Load() != 1 || looks.Load() == 100 {
		t.Errorf("%d looks, %d of them at the same time", looks.Load(), most.Load())
	}
}
