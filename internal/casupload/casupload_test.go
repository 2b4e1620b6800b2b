package casupload_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/casupload"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/problem"
)

var content = []byte("bundle")

// upload tries it at a CAS that answers the n-th attempt (from 1) as it is told.
func upload(t *testing.T, within time.Duration, answer func(n int64, w http.ResponseWriter, r *http.Request)) (attempts int64, err error) {
	t.Helper()
	var n atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(n.Add(1), w, r) }))
	defer server.Close()
	err = casupload.New(server.URL+"/", server.Client().Transport, within).
		Upload(t.Context(), "token", digest.Of(content), content, "a.json", "application/json")
	return n.Load(), err
}

func stored(w http.ResponseWriter) {
	w.WriteHeader(http.StatusCreated)
	_, _ = fmt.Fprintf(w, `{"digest":%q}`, digest.Of(content))
}

func TestUpload(t *testing.T) {
	t.Parallel()
	n, err := upload(t, 0, func(n int64, w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h := r.Header
		if r.Method != http.MethodPut || r.URL.Path != "/v1/artifacts/"+digest.Of(content).String() || string(body) != string(content) ||
			h.Get("Authorization") != "Bearer token" || h.Get("Content-Type") != "application/json" || h.Get("Content-Disposition") != "attachment; filename=a.json" {
			t.Errorf("%s %s %v %q", r.Method, r.URL, h, body)
		}
		if n < 3 { // what may work later is tried again
			problem.WriteHTTP(w, problem.New([]problem.Kind{problem.Unavailable, problem.Unauthenticated}[n-1], "not now", ""))
			return
		}
		stored(w)
	})
	if n != 3 || err != nil {
		t.Errorf("%d attempts, %v", n, err)
	}
}

func TestUploadThatFails(t *testing.T) {
	t.Parallel()
	for what, tc := range map[string]struct {
		answer func(int64, http.ResponseWriter, *http.Request)
		kind   problem.Kind
		once   bool
		says   string // to the operator
	}{
		"too large": {func(_ int64, w http.ResponseWriter, _ *http.Request) {
			problem.WriteHTTP(w, problem.New(problem.TooLarge, "too large", ""))
		}, problem.TooLarge, true, "413"},
		"being deleted": {func(_ int64, w http.ResponseWriter, _ *http.Request) {
			problem.WriteHTTP(w, problem.New(problem.Precondition, "being deleted", ""))
		}, problem.Precondition, true, "412"},
		"away": {func(_ int64, w http.ResponseWriter, _ *http.Request) {
			problem.WriteHTTP(w, problem.New(problem.Unavailable, "away", ""))
		}, problem.Unavailable, false, "503"},
		"no CAS": {func(_ int64, w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }, problem.Unavailable, false, "is controlplane.casUrl right?"},
		"another digest": {func(_ int64, w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, `{"digest":%q}`, digest.Of(nil))
		}, problem.Unavailable, false, "is controlplane.casUrl right?"},
		"a redirect": {func(_ int64, w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/elsewhere" {
				stored(w)
				return
			}
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, problem.Unavailable, false, "307"},
	} {
		n, err := upload(t, 300*time.Millisecond, tc.answer)
		if problem.KindOf(err) != tc.kind || err == nil || tc.once != (n == 1) || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %d attempts, %v", what, n, err)
		}
	}
}

// Nobody waits longer than for so long, or than the client does.
func TestUploadIsBounded(t *testing.T) {
	t.Parallel()
	hang := func(_ int64, _ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the end of the connection is not noticed
		<-r.Context().Done()
	}
	if _, err := upload(t, 200*time.Millisecond, hang); problem.KindOf(err) != problem.Unavailable {
		t.Errorf("%v", err)
	}
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := casupload.New(server.URL, nil, 0).Upload(ctx, "token", digest.Of(content), content, "a.json", "application/json")
	if problem.KindOf(err) != problem.Canceled {
		t.Errorf("a client that has gone: %v", err)
	}
}
