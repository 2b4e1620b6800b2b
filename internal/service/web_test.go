package service_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/service"
)

// TestMetricsApart: where a role listens for metrics they are there and nothing else is, and
// nowhere else by whichever spelling. Where it does not, they are with the rest.
func TestMetricsApart(t *testing.T) {
	t.Parallel()
	for _, apart := range []bool{true, false} {
		at := service.Listen{HTTP: "127.0.0.1:0"}
		if apart {
			at.Metrics = "127.0.0.1:0"
		}
		listeners, err := service.Listeners(at)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		web := service.Web(quiet, listeners, service.Health("v1", nil))
		ended := make(chan error, 1)
		go func() { ended <- service.Run(ctx, quiet, web) }()
		expect := func(url, method string, want int) {
			t.Helper()
			req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultTransport.RoundTrip(req) // which follows nothing
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("apart: %t: %s %s: %s, want %d", apart, method, url[strings.LastIndexByte(url, ':'):], resp.Status, want)
			}
		}
		there := listeners.URL(listeners.HTTP)
		expect(there+"/healthz", http.MethodGet, http.StatusOK)
		if !apart {
			expect(there+"/metrics", http.MethodGet, http.StatusOK)
		} else {
			own := listeners.URL(listeners.Metrics)
			expect(own+"/metrics", http.MethodGet, http.StatusOK)
			expect(own+"/metrics", http.MethodPost, http.StatusMethodNotAllowed)
			for _, path := range []string{"/", "/healthz", "/readyz", "/metrics/x"} {
				expect(own+path, http.MethodGet, http.StatusNotFound)
			}
			for _, path := range []string{"/metrics", "/%6detrics", "/metrics?x=y"} {
				expect(there+path, http.MethodGet, http.StatusNotFound)
				expect(there+path, http.MethodHead, http.StatusNotFound)
			}
			expect(there+"//metrics", http.MethodGet, http.StatusTemporaryRedirect) // to what is not there
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// TestMetricsAreThereWhileItDrains: how many are still inside is what is asked then.
func TestMetricsAreThereWhileItDrains(t *testing.T) {
	t.Parallel()
	listeners, err := service.Listeners(service.Listen{HTTP: "127.0.0.1:0", Metrics: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	asked := 0
	drain := service.Drain{Refuse: func(context.Context) {
		for listener, path := range map[net.Listener]string{listeners.HTTP: "/healthz", listeners.Metrics: "/metrics"} {
			resp, err := http.Get(listeners.URL(listener) + path)
			if err != nil {
				t.Error(err)
				continue
			}
			_ = resp.Body.Close()
			asked++
		}
	}}
	web := service.Web(quiet, listeners, service.Health("v1", nil))
	if err := service.Run(ctx, quiet, service.Drained("cas", quiet, drain, web)); err != nil || asked != 2 {
		t.Errorf("%d answers, %v", asked, err)
	}
}
