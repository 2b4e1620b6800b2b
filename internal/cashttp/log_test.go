package cashttp_test

import (
	"bytes"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/managedcas/managedcas/test/rig"
)

// logged is a log that is written while it is read.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// requests are the lines about requests that failed.
func (l *logged) requests() (lines []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if strings.Contains(line, "artifact request failed") {
			lines = append(lines, line)
		}
	}
	return lines
}

// Strangers choose paths: what they write does not fill the log.
func TestLoggedPathsAreShort(t *testing.T) {
	t.Parallel()
	log := &logged{}
	s := newSite(t, rig.Options{Log: log})
	for length, want := range map[int]string{200: " path=/v1/artifacts/" + strings.Repeat("a", 186) + " ", 60_000: "… (60000 bytes)"} {
		path := "/v1/artifacts/" + strings.Repeat("a", length-len("/v1/artifacts/"))
		for _, authorized := range []bool{false, true} {
			before := len(log.requests())
			request := s.request(t, http.MethodGet, path, s.uploader(), nil)
			if !authorized {
				request.Header.Del("Authorization")
			}
			s.do(t, request)
			lines := log.requests()
			if len(lines) != before+1 || len(lines[before]) > 600 || !strings.Contains(lines[before], want) {
				t.Errorf("path of %d bytes, authorized %t: %d lines, the last of %d bytes: %.700s", length, authorized, len(lines)-before, len(lines[len(lines)-1]), lines[len(lines)-1])
			}
		}
	}
}

// Whether something is there is a question, and no is an answer.
func TestQuestionsAreNoFailures(t *testing.T) {
	t.Parallel()
	log := &logged{}
	s := newSite(t, rig.Options{Log: log})
	_, d := rig.Content(1)
	for _, path := range []string{"", "/uploads/8f0c5a3e-6f0e-4d6e-9d53-1f3a0c0f7c11"} {
		grant := s.downloader(d)
		if path != "" {
			grant = s.uploader()
		}
		if response, _, _ := s.do(t, s.request(t, http.MethodHead, "/v1/artifacts/"+d.String()+path, grant, nil)); response.StatusCode != http.StatusNotFound {
			t.Errorf("HEAD of %q: %s", path, response.Status)
		}
	}
	if lines := log.requests(); len(lines) > 0 {
		t.Errorf("logged: %q", lines)
	}
	if response, _, _ := s.do(t, s.request(t, http.MethodGet, "/v1/artifacts/"+d.String(), s.downloader(d), nil)); response.StatusCode != http.StatusNotFound || len(log.requests()) != 1 {
		t.Errorf("GET: %s, logged %q", response.Status, log.requests())
	}
}
