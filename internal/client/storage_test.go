package client

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// An artifact is not shown to the network, whatever a CAS asks for.
func TestSafe(t *testing.T) {
	t.Parallel()
	for raw, ok := range map[string]bool{
		"https://tenant-123456789012.s3-accesspoint.eu-west-1.amazonaws.com/k?X": true,
		"http://tenant-123456789012.localhost:4566/k":                            true,
		"http://127.0.0.1:4566/k":                                                true,
		"http://tenant-123456789012.s3-accesspoint.eu-west-1.amazonaws.com/k":    false,
		"http://10.0.0.1/k":       false,
		"http://notlocalhost/k":   false,
		"https://user@example/k":  false,
		"https:///k":              false,
		"file:///etc/passwd":      false,
		"":                        false,
		"http://127.0.0.1.evil/k": false,
		"http://[::1]:4566/%zz":   false,
	} {
		if err := safe(raw); (err == nil) != ok {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

// A redirect is a refusal, and a method is not changed.
func TestNoRedirects(t *testing.T) {
	t.Parallel()
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path)
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	t.Cleanup(server.Close)
	s := newStorage()
	t.Cleanup(s.http.CloseIdleConnections)
	for _, method := range []string{http.MethodGet, http.MethodPut} {
		p := &managedcasv1.PresignResponse{Method: method, Url: server.URL + "/k?X-Amz-Signature=secret"}
		answer, err := s.send(t.Context(), p, method, strings.NewReader("content"), 7)
		if err == nil {
			_ = answer.Body.Close()
			t.Errorf("%s: %s", method, answer.Status)
		}
	}
	if got := strings.Join(asked, ", "); got != "GET /k, PUT /k" {
		t.Errorf("asked for %s", got)
	}
	p := &managedcasv1.PresignResponse{Method: http.MethodDelete, Url: server.URL + "/k"}
	if _, err := s.send(t.Context(), p, http.MethodPut, nil, 0); err == nil {
		t.Error("sent another method than was meant")
	}
	server.Close()
	p.Method, p.Url = http.MethodGet, server.URL+"/k?X-Amz-Signature=secret"
	if _, err := s.send(t.Context(), p, http.MethodGet, nil, 0); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("the error tells the signature: %v", err)
	}
}
