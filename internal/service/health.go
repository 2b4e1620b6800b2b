package service

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Check asks one thing that the process needs whether it works.
type Check func(ctx context.Context) error

// checkTimeout bounds a readiness answer; Kubernetes' probes give up after one second
// unless told otherwise.
const checkTimeout = 900 * time.Millisecond

// Health answers /healthz (the process runs), /readyz (and what it needs works),
// /infoz (its version) and /metrics. Readiness names the checks that fail; why they do
// is for the log, not for whoever asks.
func Health(version string, checks map[string]Check, metrics ...prometheus.Collector) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, map[string]any{"status": "ok"}) })
	mux.HandleFunc("GET /infoz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"version": version})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
		defer cancel()
		failing := []string{}
		for _, name := range slices.Sorted(maps.Keys(checks)) {
			if checks[name](ctx) != nil {
				failing = append(failing, name)
			}
		}
		status := http.StatusOK
		if len(failing) > 0 {
			status = http.StatusServiceUnavailable
		}
		answer(w, status, map[string]any{"ready": len(failing) == 0, "failing": failing})
	})
	mux.Handle("GET /metrics", Metrics(metrics...))
	return mux
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
