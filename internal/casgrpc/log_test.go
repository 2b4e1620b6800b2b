package casgrpc_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"

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

func (l *logged) failures() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), "artifact request failed")
}

// How far an upload is that was never begun is a question, which every upload begins with.
func TestQuestionsAreNoFailures(t *testing.T) {
	t.Parallel()
	log := &logged{}
	s := newSite(t, rig.Options{ResumableMin: part, Log: log})
	_, d := rig.Content(1)
	_, err := s.query(t, s.uploader(), reapiName(uuid.New(), d, part))
	code(t, "never begun", err, codes.NotFound)
	if n := log.failures(); n != 0 {
		t.Errorf("%d failures are logged", n)
	}
	_, err = s.query(t, s.downloader(d), reapiName(uuid.New(), d, part))
	code(t, "a downloader", err, codes.PermissionDenied)
	if n := log.failures(); n != 1 {
		t.Errorf("%d failures are logged, want that of the downloader", n)
	}
}
