package service

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/singleflight"
)

// Check asks one thing that the process needs whether it works.
type Check func(ctx context.Context) error

// checkTimeout bounds a readiness answer; Kubernetes' probes give up after one second
// unless told otherwise.
const checkTimeout = 900 * time.Millisecond

// explainedFor is the time between two lines of the log about the same failing check.
const explainedFor = time.Minute

// Explained is a check whose failures the log explains: the answer of /readyz does not.
func Explained(log *slog.Logger, name string, check Check) Check {
	var mu sync.Mutex
	var said time.Time
	return func(ctx context.Context) error {
		err := check(ctx)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil && !said.IsZero():
			said = time.Time{}
			log.LogAttrs(ctx, slog.LevelInfo, "works again", slog.String("check", name))
		case err != nil && (said.IsZero() || time.Since(said) >= explainedFor):
			said = time.Now()
			log.LogAttrs(ctx, slog.LevelWarn, "not ready", slog.String("check", name), slog.Any("error", err))
		}
		return err
	}
}

// Health answers /healthz and /statusz (the process runs), /readyz (and what it needs works),
// /infoz (its version) and /metrics. Readiness names the checks that fail; why they do
// is for the log, not for whoever asks. Those who ask at the same time get one answer: anybody
// may ask, as often as they like.
func Health(version string, checks map[string]Check, metrics ...prometheus.Collector) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, map[string]any{"status": "ok"}) })
	mux.HandleFunc("GET /statusz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, map[string]any{"status": "ok"}) })
	mux.HandleFunc("GET /infoz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"version": version})
	})
	var looks singleflight.Group
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		found, _, _ := looks.Do("", func() (any, error) { return failingOf(context.WithoutCancel(r.Context()), checks), nil })
		failing := found.([]string)
		status := http.StatusOK
		if len(failing) > 0 {
			status = http.StatusServiceUnavailable
		}
		answer(w, status, map[string]any{"ready": len(failing) == 0, "failing": failing})
	})
	mux.Handle("GET /metrics", Metrics(metrics...))
	return mux
}

// failingOf returns the names of the checks that fail, never nil.
func failingOf(ctx context.Context, checks map[string]Check) []string {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	failing := []string{}
	for _, name := range slices.Sorted(maps.Keys(checks)) {
		if checks[name](ctx) != nil {
			failing = append(failing, name)
		}
	}
	return failing
}

// apart is what a handler answers but /metrics, and /metrics alone: who may reach a server
// is not always who may know how it is.
func apart(handler http.Handler) (rest, metrics http.Handler) {
	const path = "/metrics"
	all, one := http.NewServeMux(), http.NewServeMux()
	all.Handle("/", handler)
	all.HandleFunc(path, http.NotFound)
	one.Handle("GET "+path, handler)
	return all, one
}

// Metrics shows what metrics collect, and what every process has.
func Metrics(metrics ...prometheus.Collector) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	registry.MustRegister(metrics...)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

func answer(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a prober that has gone needs no answer
}
