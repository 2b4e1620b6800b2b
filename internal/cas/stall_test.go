package cas_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/test/rig"
)

// stall is how long S3 may stand still. It passes when a test says so.
const stall = 30 * time.Second

// still stands between the CAS and AWS. It has bodies stand still as a connection does
// that nobody answers on: until whoever waits gives up.
type still struct {
	clock   stopwatch
	next    http.RoundTripper
	answers atomic.Int64 // to GetObject, that stop after some bytes
	parts   atomic.Int64 // requests with a body, of which nothing is read behind some bytes
	seen    atomic.Int64 // of either
}

const before = 100_000 // bytes that pass

func (s *still) RoundTrip(r *http.Request) (*http.Response, error) {
	object := strings.Contains(r.URL.Path, "sha256:")
	if object && r.Method == http.MethodPut {
		s.seen.Add(1)
		if s.parts.Add(-1) >= 0 {
			_, _ = io.CopyN(io.Discard, r.Body, before)
			s.clock.pass(stall)
			<-r.Context().Done()
			_ = r.Body.Close()
			return nil, r.Context().Err()
		}
	}
	answer, err := s.next.RoundTrip(r)
	if err == nil && object && r.Method == http.MethodGet {
		s.seen.Add(1)
		if s.answers.Add(-1) >= 0 {
			answer.Body = struct {
				io.Reader
				io.Closer
			}{io.MultiReader(io.LimitReader(answer.Body, before), deaf{r, &s.clock}), answer.Body}
		}
	}
	return answer, err
}

type deaf struct {
	r     *http.Request
	clock *stopwatch
}

func (d deaf) Read([]byte) (int, error) {
	d.clock.pass(stall)
	<-d.r.Context().Done()
	return 0, d.r.Context().Err()
}

func newStill(t *testing.T, options rig.Options) (*still, *rig.Rig) {
	t.Helper()
	s := &still{}
	options.Stall = awscloud.Stall{After: stall, AfterFunc: s.clock.afterFunc}
	options.Wire = func(next http.RoundTripper) http.RoundTripper { s.next = next; return s }
	return s, rig.New(t, options)
}

// W7: an S3 that says nothing more is one whose connection broke: the download goes on
// with another, and not for ever.
func TestStall_DownloadsAreResumed(t *testing.T) {
	t.Parallel()
	s, r := newStill(t, small())
	content, d := rig.Content(singleMax)
	ref := cas.Ref{Org: r.Org(t), Digest: d}
	if _, err := r.Store.Put(t.Context(), ref, int64(len(content)), bytes.NewReader(content), cas.Label{}); err != nil {
		t.Fatal(err)
	}
	for times, want := range map[int64]error{0: nil, 1: nil, 5: nil, 6: cloud.ErrUnavailable} {
		s.answers.Store(times)
		s.seen.Store(0)
		artifact, err := r.Store.Get(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(artifact)
		_ = artifact.Close()
		if !errors.Is(err, want) || want == nil && !bytes.Equal(got, content) {
			t.Errorf("%d times: %d bytes, %v", times, len(got), err)
		}
		if err != nil && problem.KindOf(cas.Problem(err)) != problem.Unavailable {
			t.Errorf("%d times: %v", times, err)
		}
		if n := s.seen.Load(); want == nil && n < times+1 {
			t.Errorf("%d times: %d requests", times, n)
		}
	}
}

// A part that S3 does not take is sent again, for it is there; a body that only the
// client has is the client's to send again.
func TestStall_Uploads(t *testing.T) {
	t.Parallel()
	s, r := newStill(t, small())
	id := r.Org(t)
	for _, row := range []struct {
		what   string
		size   int
		length func(int) int64
		times  int64
		want   error
	}{
		{"buffered", 2 * before, unknown, 1, nil},
		{"buffered", 2 * before, unknown, 3, cloud.ErrUnavailable},
		{"in parts", part + 2*before, unknown, 2, nil},
		{"streamed", 2 << 20, known, 1, cloud.ErrUnavailable},
	} {
		content, d := rig.Content(row.size)
		s.parts.Store(row.times)
		_, err := r.Store.Put(t.Context(), cas.Ref{Org: id, Digest: d}, row.length(row.size), bytes.NewReader(content), cas.Label{})
		s.parts.Store(0)
		if !errors.Is(err, row.want) || row.want != nil && problem.KindOf(cas.Problem(err)) != problem.Unavailable {
			t.Errorf("%s, %d times: %v", row.what, row.times, err)
		}
	}
}

// A client that takes its time is not S3's standing still.
func TestStall_SlowClients(t *testing.T) {
	t.Parallel()
	s, r := newStill(t, small())
	content, d := rig.Content(2 << 20)
	waited := false
	body := io.MultiReader(bytes.NewReader(content[:len(content)/2]), readerFunc(func([]byte) (int, error) {
		if !waited {
			waited = true
			s.clock.pass(3 * stall)
		}
		return 0, io.EOF
	}), bytes.NewReader(content[len(content)/2:]))
	ref := cas.Ref{Org: r.Org(t), Digest: d}
	if _, err := r.Store.Put(t.Context(), ref, int64(len(content)), body, cas.Label{}); err != nil {
		t.Fatal(err)
	}
	if n := s.seen.Load(); n != 1 {
		t.Errorf("%d requests", n)
	}
	if there, err := r.Store.Exists(t.Context(), cas.Ref{Org: ref.Org, Digest: digest.Of(content)}); err != nil || !there {
		t.Error(there, err)
	}
}

// stopwatch is the time of all timers that it made. Their functions are called when enough of
// it passes in one go.
type stopwatch struct {
	mu      sync.Mutex
	running map[*timer]time.Duration
}

type timer struct {
	of *stopwatch
	do func()
}

func (s *stopwatch) afterFunc(d time.Duration, do func()) awscloud.Timer {
	t := &timer{s, do}
	t.Reset(d)
	return t
}

func (s *stopwatch) pass(d time.Duration) {
	s.mu.Lock()
	var due []*timer
	for t, left := range s.running {
		if left <= d {
			due = append(due, t)
			delete(s.running, t)
		}
	}
	s.mu.Unlock()
	for _, t := range due {
		t.do()
	}
}

func (t *timer) Reset(d time.Duration) bool {
	ran := t.Stop()
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	if t.of.running == nil {
		t.of.running = map[*timer]time.Duration{}
	}
	t.of.running[t] = d
	return ran
}

func (t *timer) Stop() bool {
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	_, ran := t.of.running[t]
	delete(t.of.running, t)
	return ran
}

func unknown(int) int64    { return cas.UnknownLength }
func known(size int) int64 { return int64(size) }
