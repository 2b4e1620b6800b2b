package cas_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/test/rig"
)

// W5, W7: whatever happens to an artifact at rest or on its way, no reader gets all of
// it, none is told that it ended well, and the error says whose fault it is.
func TestI5_DamagedArtifactsAreNeverReleased(t *testing.T) {
	t.Parallel()
	var wire rig.Damage
	options := small()
	options.Wire = wire.Between
	r := rig.New(t, options)
	id := r.Org(t)
	for _, size := range []int{1, 2, 1000, 64 << 10, part + 1} {
		content, d := rig.Content(size)
		ref := cas.Ref{Org: id, Digest: d}
		if _, err := r.Store.Put(t.Context(), ref, int64(size), bytes.NewReader(content), cas.Label{}); err != nil {
			t.Fatal(err)
		}
		for _, damage := range []struct {
			what string
			how  func([]byte) (io.Reader, int)
			want error
			kind problem.Kind
		}{
			{"first bit flipped", rig.Flip(0), cas.ErrCorrupt, problem.Corrupt},
			{"last bit flipped", rig.Flip(size*8 - 1), cas.ErrCorrupt, problem.Corrupt},
			{"shorter object", rig.Shorten, cas.ErrCorrupt, problem.Corrupt},
			{"longer object", rig.Lengthen, cas.ErrCorrupt, problem.Corrupt},
			{"cut in the middle", rig.Cut, cloud.ErrUnavailable, problem.Unavailable},
		} {
			wire.Do(damage.how)
			artifact, err := r.Store.Get(t.Context(), ref)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(artifact)
			_ = artifact.Close()
			if !errors.Is(err, damage.want) || problem.KindOf(cas.Problem(err)) != damage.kind {
				t.Errorf("%d bytes, %s: %v", size, damage.what, err)
			}
			if _, sent := damage.how(bytes.Clone(content)); len(got) >= max(sent, 1) {
				t.Errorf("%d bytes, %s: %d bytes came out", size, damage.what, len(got))
			}
		}
		wire.Do(nil)
		if got := read(t, r.Store, ref); !bytes.Equal(got, content) {
			t.Errorf("%d bytes: undamaged, it is not what was stored", size)
		}
	}
}

// W13, W21, W22: what is not there is not found, though S3 answers 403; an object that
// something else stored is served under no name.
func TestGetOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	id := r.Org(t)
	content, d := rig.Content(10)
	ref := cas.Ref{Org: id, Digest: d}
	if _, err := r.Store.Get(t.Context(), ref); !errors.Is(err, cas.ErrNotFound) {
		t.Errorf("get: %v", err)
	}
	if _, err := r.Store.Stat(t.Context(), ref); !errors.Is(err, cas.ErrNotFound) {
		t.Errorf("stat: %v", err)
	}
	if exists, err := r.Store.Exists(t.Context(), ref); exists || err != nil {
		t.Errorf("exists: %t, %v", exists, err)
	}
	if created, err := r.Store.Put(t.Context(), ref, 10, bytes.NewReader(content), cas.Label{}); !created || err != nil {
		t.Errorf("first upload: created %t, %v", created, err)
	}
	if info, err := r.Store.Stat(t.Context(), ref); err != nil || info.FileName != "" {
		t.Errorf("without a name: %+v, %v", info, err)
	}
}

// W14, and the calls of the operator's bill: one request per artifact in either
// direction, and none before it.
func TestRequestsPerOperation(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	id := r.Org(t)
	content, d := rig.Content(part + 1)
	ref := cas.Ref{Org: id, Digest: d}
	put := func() error {
		_, err := r.Store.Put(t.Context(), ref, part+1, bytes.NewReader(content), cas.Label{})
		return err
	}
	for _, step := range []struct {
		what  string
		do    func() error
		one   string
		maybe string
	}{
		{"upload", put, "PutObject", ""},
		// S3's refusal may be lost when it closes the connection on the rest of the body: then
		// Store looks.
		{"upload again", put, "PutObject", "ListObjectsV2"},
		{"download", func() error { read(t, r.Store, ref); return nil }, "GetObject", ""},
		{"describe", func() error { _, err := r.Store.Stat(t.Context(), ref); return err }, "HeadObject", ""},
	} {
		r.Forget()
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		got := r.Calls()
		delete(got, step.maybe)
		if len(got) != 1 || got[step.one] != 1 {
			t.Errorf("%s: %v, want one %s", step.what, got, step.one)
		}
	}
}

// A session that AWS denies is dropped: the first request after the repair succeeds.
func TestDeniedSessionIsReplaced(t *testing.T) {
	t.Parallel()
	var sessions atomic.Int64
	options := small()
	options.Reuse = 15 * time.Minute
	options.Wire = func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if strings.Contains(r.Header.Get("Authorization"), "/sts/aws4_request") {
				sessions.Add(1)
			}
			return next.RoundTrip(r)
		})
	}
	r := rig.New(t, options)
	id := r.Org(t)
	content, d := rig.Content(10)
	ref := cas.Ref{Org: id, Digest: d}
	put := func() error {
		_, err := r.Store.Put(t.Context(), ref, 10, bytes.NewReader(content), cas.Label{})
		return err
	}
	for range 2 {
		if err := put(); err != nil {
			t.Fatal(err)
		}
	}
	if n := sessions.Load(); n != 1 {
		t.Errorf("%d sessions for two uploads", n)
	}
	r.Break(t, id)
	broken := time.Now()
	content, d = rig.Content(10)
	missing := cas.Ref{Org: id, Digest: d}
	if _, err := r.Store.Put(t.Context(), missing, 10, bytes.NewReader(content), cas.Label{}); !errors.Is(err, cloud.ErrDenied) || !problem.KindOf(cas.Problem(err)).Retryable() {
		t.Errorf("denied: %v", err)
	}
	if _, err := r.Store.Get(t.Context(), ref); !errors.Is(err, cloud.ErrDenied) || errors.Is(err, cas.ErrNotFound) {
		t.Errorf("denied, and not missing: %v", err)
	}
	r.Reconcile(t, id)
	if len(read(t, r.Store, ref)) != 10 {
		t.Error("after the repair: other content")
	}
	// The first denial had a fresh session made; the second, within ten seconds of it, did not.
	if n, took := sessions.Load(), time.Since(broken); n != 2 && (n != 3 || took < 10*time.Second) {
		t.Errorf("%d sessions for one that was denied, want it and one more; it took %s", n, took)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
