package controlplane_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// A path of the control plane that is asked for by another method is not a page that is not
// there.
func TestOtherMethodsAreToldSo(t *testing.T) {
	t.Parallel()
	pages := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	handler := newPlane(t).server.HTTPHandler(pages)
	for request, want := range map[[2]string]int{
		{http.MethodPost, "/healthz"}:                 http.StatusMethodNotAllowed,
		{http.MethodDelete, "/.well-known/jwks.json"}: http.StatusMethodNotAllowed,
		{http.MethodGet, "/healthz"}:                  http.StatusOK,
		{http.MethodGet, "/organizations"}:            http.StatusTeapot,
		{http.MethodPost, "/organizations"}:           http.StatusTeapot,
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(request[0], request[1], nil))
		if w.Code != want {
			t.Errorf("%v: HTTP %d, want %d", request, w.Code, want)
		}
	}
}
