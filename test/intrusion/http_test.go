package intrusion

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// fetch makes an HTTP request to the CAS. The outcome is the status, and of a failure the
// reason and text.
func (s *scene) fetch(t *testing.T, method, target string, header http.Header, body string) answer {
	t.Helper()
	if parsed, err := url.Parse(target); err == nil && parsed.IsAbs() {
		target = parsed.RequestURI()
	}
	r, err := http.NewRequestWithContext(t.Context(), method, s.http.URL+target, strings.NewReader(body))
	must(t, err)
	r.Header = header
	res, err := s.http.Client().Do(r)
	must(t, err)
	defer func() { _ = res.Body.Close() }()
	content, err := io.ReadAll(res.Body)
	must(t, err)
	a := answer{outcome: fmt.Sprint(res.StatusCode), all: []string{string(content)}, location: res.Header.Get("Location")}
	for key, values := range res.Header {
		a.all = append(append(a.all, key), values...)
	}
	var problem struct{ Reason, Detail string }
	if res.StatusCode >= 400 && json.Unmarshal(content, &problem) == nil {
		a.outcome += " " + problem.Reason + " " + problem.Detail
	}
	return a
}
