package client

import (
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestTheBrowserComesBackOnce(t *testing.T) {
	t.Parallel()
	answers := make(chan url.Values, 1)
	handler := comesBack("xyz", answers)
	for _, step := range []struct {
		query string
		want  int
	}{
		{"", http.StatusBadRequest}, {"code=c", http.StatusBadRequest}, {"code=c&state=x", http.StatusBadRequest}, {"state=xyz", http.StatusBadRequest},
		{"code=c&state=xyz", http.StatusOK}, {"code=d&state=xyz", http.StatusConflict},
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/callback?"+step.query, nil))
		if w.Code != step.want {
			t.Errorf("%q: %d, want %d", step.query, w.Code, step.want)
		}
		// The code may still be refused.
		if strings.Contains(w.Body.String(), "signed in") {
			t.Errorf("%q: %s", step.query, w.Body)
		}
	}
	if got := <-answers; got.Get("code") != "c" {
		t.Errorf("it came back with %v", got)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/callback?error=access_denied&state=xyz", nil))
	if got := <-answers; w.Code != http.StatusOK || got.Get("error") != "access_denied" {
		t.Errorf("refused: %d, %v", w.Code, got)
	}
}

// A server's number is no reason to ask it without a pause.
func TestSecondsOfServersAreBounded(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]time.Duration{math.MinInt64: time.Second, 0: time.Second, 5: 5 * time.Second, 60: time.Minute, 61: time.Minute, math.MaxInt64: time.Minute} {
		if got := seconds(n, time.Minute); got != want {
			t.Errorf("seconds(%d) = %s, want %s", n, got, want)
		}
	}
}
