package datapath

import (
	"net/http"
	"net/http/httptest"
	"regexp"

	"github.com/managedcas/managedcas/internal/service"
)

// inFlight is a line of /metrics that counts a transfer.
var inFlight = regexp.MustCompile(`(?m)^managedcas_transfers_in_flight\{.*\} [1-9]`)

// metrics is what /metrics shows.
func (s *site) metrics() string {
	w := httptest.NewRecorder()
	service.Metrics(s.Metrics.Collectors()...).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}
