package casprocess

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/test/rig"
)

const part = 5 << 20 // the smallest that S3 allows, and what cas begins with

// scene is an installation with one organization, whose cas is a process.
type scene struct {
	*rig.Rig
	org         org.ID
	holder      *holder
	config      string
	environment []string
	later       *atomic.Int64 // how far the clock of sweepers is ahead, in nanoseconds
}

func newScene(t *testing.T) *scene {
	t.Helper()
	later := new(atomic.Int64)
	r := rig.New(t, rig.Options{Log: io.Discard, Now: func() time.Time { return time.Now().Add(time.Duration(later.Load())) }})
	h := &holder{next: r.AWS}
	front := httptest.NewServer(h)
	t.Cleanup(front.Close)
	t.Cleanup(h.release)
	s := &scene{Rig: r, org: r.Org(t), holder: h, later: later}
	s.config, s.environment = r.CASProcess(t, front.URL, "drainDelay: 0s, drainTime: 5m")
	return s
}

func (s *scene) uploader() cas.Grant { return cas.Grant{Org: s.org, Role: cas.Uploader} }

func (s *scene) downloader(d digest.Digest) cas.Grant {
	return cas.Grant{Org: s.org, Role: cas.Downloader, Digest: d}
}

// when is where in a call of AWS the process is held.
type when string

const (
	before when = "before" // AWS has not seen the request
	amid   when = "amid"   // half of an object has gone out
	after  when = "after"  // it has happened, and the answer is held
)

// holder stands before the embedded AWS and holds one call until it is released.
type holder struct {
	next http.Handler

	mu    sync.Mutex
	calls int
	nth   int // the call to hold, from 1; 0: none
	when  when
	held  chan struct{} // closed when it is
	free  chan struct{} // closed by release
}

// hold has the nth call from now on held.
func (h *holder) hold(nth int, when when) (held <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls, h.nth, h.when = 0, nth, when
	h.held, h.free = make(chan struct{}), make(chan struct{})
	return h.held
}

// release lets the held call end.
func (h *holder) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.free != nil {
		close(h.free)
		h.free = nil
	}
	h.nth = 0
}

// count returns how many calls there were since hold.
func (h *holder) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.calls
}

func (h *holder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.calls++
	due, when, held, free := h.calls == h.nth, h.when, h.held, h.free
	h.mu.Unlock()
	if !due {
		h.next.ServeHTTP(w, r)
		return
	}
	switch when {
	case before:
		close(held)
		<-free
		panic(http.ErrAbortHandler) // whoever asked is dead: AWS never saw it
	case after, amid:
		answer := httptest.NewRecorder()
		h.next.ServeHTTP(answer, r)
		if when == amid {
			for name, values := range answer.Header() {
				w.Header()[name] = values
			}
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
			_ = http.NewResponseController(w).Flush()
		}
		close(held)
		<-free
		panic(http.ErrAbortHandler)
	}
}

// upload is how an artifact comes in.
type upload struct {
	name    string
	size    int
	chunked bool
}

var uploads = []upload{
	{"one request", 1000, false},
	{"one stream", 2 << 20, false},
	{"in parts", 2*part + 1, true},
}

// put uploads body over HTTP and reports the status, or why there was none.
func (s *scene) put(t *testing.T, p *running, d digest.Digest, u upload, body io.Reader) (int, http.Header, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, p.at.HTTP+"/v1/artifacts/"+d.String(), struct{ io.Reader }{body})
	if err != nil {
		t.Fatal(err)
	}
	if !u.chunked {
		r.ContentLength = int64(u.size)
	}
	r.Header.Set("Authorization", "Bearer "+s.Token(t, s.uploader()))
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	_, err = io.ReadAll(response.Body)
	return response.StatusCode, response.Header, err
}

// get downloads d, gives each piece to take, and reports how it ended.
func (s *scene) get(t *testing.T, p *running, d digest.Digest, take func([]byte)) (int, http.Header, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.at.HTTP+"/v1/artifacts/"+d.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.Token(t, s.downloader(d)))
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	for buffer := make([]byte, 64<<10); ; {
		n, err := response.Body.Read(buffer)
		take(buffer[:n])
		if err == io.EOF { //nolint:errorlint // the end alone is the end
			return response.StatusCode, response.Header, nil
		}
		if err != nil {
			return response.StatusCode, response.Header, err
		}
	}
}

// holds checks that p serves content.
func (s *scene) holds(t *testing.T, what string, p *running, d digest.Digest, content []byte) {
	t.Helper()
	var got []byte
	status, _, err := s.get(t, p, d, func(piece []byte) { got = append(got, piece...) })
	if status != http.StatusOK || err != nil || !bytes.Equal(got, content) {
		t.Errorf("%s: %d, %d of %d bytes, right: %t, %v", what, status, len(got), len(content), bytes.Equal(got, content), err)
	}
}

// visible reports whether d is in the bucket.
func (s *scene) visible(t *testing.T, d digest.Digest) bool {
	t.Helper()
	for _, key := range s.Objects(t) {
		if strings.HasSuffix(key, d.String()) {
			return true
		}
	}
	return false
}
