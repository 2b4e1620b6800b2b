package cas_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/emulator/faults"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/test/rig"
)

// download is one GetObject after the other that the embedded AWS spoils.
type download struct {
	*rig.Rig
	ref     cas.Ref
	content []byte

	mu   sync.Mutex
	sent []http.Header // of the requests for objects
}

func newDownload(t *testing.T, size int) *download {
	t.Helper()
	d := &download{}
	options := small()
	options.Wire = d.between
	d.Rig = rig.New(t, options)
	d.ref.Org = d.Org(t)
	d.store(t, size)
	return d
}

func (d *download) store(t *testing.T, size int) {
	t.Helper()
	d.content, d.ref.Digest = rig.Content(size)
	if _, err := d.Store.Put(t.Context(), d.ref, int64(size), bytes.NewReader(d.content), cas.Label{}); err != nil {
		t.Fatal(err)
	}
}

// between notes every request for this or that object.
func (d *download) between(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if strings.Contains(r.URL.Path, "sha256:") && r.Method != http.MethodPut {
			d.mu.Lock()
			d.sent = append(d.sent, r.Header.Clone())
			d.mu.Unlock()
		}
		return next.RoundTrip(r)
	})
}

// under reads want while the rules are carried out, one after the other.
func (d *download) under(t *testing.T, want cas.Range, rules ...faults.Rule) ([]byte, error) {
	t.Helper()
	for i := range rules {
		rules[i].Service, rules[i].Operation = "s3", "GetObject"
	}
	if err := d.AWS.Faults().Replace(faults.Plan{Rules: rules}); err != nil {
		t.Fatal(err)
	}
	d.forget()
	artifact, err := d.Store.GetRange(t.Context(), d.ref, want)
	if err != nil {
		return nil, err
	}
	got, err := io.ReadAll(artifact)
	return got, errors.Join(err, artifact.Close())
}

func (d *download) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sent = nil
}

func cut(bytes, count int) faults.Rule {
	return faults.Rule{Kind: faults.CutDuring, Bytes: bytes, Count: count}
}

// W7, W8: wherever S3 breaks a body off, and whatever it answers to the next request,
// the bytes that come out are those of the artifact, each of them once.
func TestW8_BrokenDownloadsAreResumed(t *testing.T) {
	t.Parallel()
	const size = singleMax + 1
	again := func(f faults.Rule) faults.Rule { f.Count = 1; return f }
	rows := []struct {
		what     string
		rules    []faults.Rule
		requests int
	}{
		{"nothing", nil, 1},
		{"after a byte", []faults.Rule{cut(1, 1)}, 2},
		{"within the first buffer", []faults.Rule{cut(1000, 1)}, 2},
		{"at a part's end", []faults.Rule{cut(part, 1)}, 2},
		{"before the last byte", []faults.Rule{cut(size-1, 1)}, 2},
		{"four times", []faults.Rule{cut(100_000, 4)}, 5},
		{"then before the answer", []faults.Rule{cut(1000, 1), again(faults.Rule{Kind: faults.CutBefore})}, 3},
		{"then within the answer", []faults.Rule{cut(1000, 1), again(faults.Rule{Kind: faults.CutAfter})}, 3},
		{"then SlowDown", []faults.Rule{cut(1000, 1), again(faults.Rule{Kind: faults.Throttle})}, 3},
		{"then a 500", []faults.Rule{cut(1000, 1), again(faults.Rule{Kind: faults.Failure})}, 3},
		{"then a 503", []faults.Rule{cut(1000, 1), again(faults.Rule{Kind: faults.Failure, Status: 503, Code: "ServiceUnavailable"})}, 3},
		{"then an expired session", []faults.Rule{cut(1000, 1), again(faults.Rule{Kind: faults.Failure, Status: 400, Code: "ExpiredToken"})}, 3},
	}
	for what, want := range map[string]cas.Range{"whole": {}, "part": {Offset: 10, Length: size - 11}} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			d := newDownload(t, size)
			for _, row := range rows {
				got, err := d.under(t, want, row.rules...)
				if part, _ := want.Within(size); err != nil || !bytes.Equal(got, d.content[part.Offset:part.Offset+part.Length]) {
					t.Errorf("%s: %d bytes, %v", row.what, len(got), err)
				}
				if len(d.sent) != row.requests && !(want.Length > 0 && row.what == "before the last byte") { // which is behind the range
					t.Errorf("%s: %d requests, want %d", row.what, len(d.sent), row.requests)
				}
				for i, h := range d.sent[1:] {
					if h.Get("If-Match") == "" || h.Get("Range") == "" {
						t.Errorf("%s: request %d is not pinned to a version and a place: %v", row.what, i+2, h)
					}
				}
			}
		})
	}
}

// W7, I12: what cannot be resumed is an error that says whose turn it is, never the end
// of the artifact.
func TestW7_DownloadsThatCannotBeResumed(t *testing.T) {
	t.Parallel()
	const size = 200_000
	denied := faults.Rule{Kind: faults.Failure, Status: 403, Code: "AccessDenied"}
	replaced := faults.Rule{Kind: faults.Failure, Status: 412, Code: "PreconditionFailed"}
	expired := faults.Rule{Kind: faults.Failure, Status: 400, Code: "ExpiredToken"}
	for _, row := range []struct {
		what  string
		rules []faults.Rule
		want  error
		most  int // requests
	}{
		{"a byte at a time", []faults.Rule{cut(1, 0)}, cloud.ErrUnavailable, 6},
		{"never an answer again", []faults.Rule{cut(1000, 1), {Kind: faults.CutBefore}}, cloud.ErrUnavailable, 5},
		{"SlowDown without end", []faults.Rule{cut(1000, 1), {Kind: faults.Throttle}}, cloud.ErrThrottled, 5},
		{"no session is accepted", []faults.Rule{cut(1000, 1), expired}, cloud.ErrExpired, 6},
		{"denied", []faults.Rule{cut(1000, 1), denied}, cloud.ErrDenied, 2},
		{"another version", []faults.Rule{cut(1000, 1), replaced}, cloud.ErrConflict, 2},
	} {
		t.Run(row.what, func(t *testing.T) {
			t.Parallel() // each waits as long as the SDK does
			d := newDownload(t, size)
			for _, want := range []cas.Range{{}, {Offset: 10}} {
				got, err := d.under(t, want, row.rules...)
				if !errors.Is(err, row.want) || problem.KindOf(cas.Problem(err)) != problem.Unavailable {
					t.Error(err)
				}
				if len(got) >= size-10 || !bytes.Equal(got, d.content[want.Offset:][:len(got)]) {
					t.Errorf("%d bytes, not the first of the artifact", len(got))
				}
				if len(d.sent) > row.most {
					t.Errorf("%d requests", len(d.sent))
				}
			}
		})
	}
}

// W7, I5: a bit that flips at rest is found, whether by the storage or by the digest.
func TestW7_RottenArtifacts(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	d := newDownload(t, size)
	d.Rot(t)
	got, err := d.under(t, cas.Range{})
	if kind := problem.KindOf(cas.Problem(err)); kind != problem.Corrupt && kind != problem.Unavailable || len(got) >= size {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if !bytes.Equal(got, d.content[:len(got)]) {
		t.Error("bytes that are not the artifact's came out")
	}
}

// W7: a client that goes away is no failure of S3 and no end of the artifact, and S3 is
// asked nothing more for it.
func TestW7_ClientsThatGoAway(t *testing.T) {
	t.Parallel()
	const size = 3 << 20
	d := newDownload(t, size)
	for _, after := range []int{0, 1, 64 << 10, size / 2, size - 1} {
		ctx, leave := context.WithCancel(t.Context())
		d.forget()
		artifact, err := d.Store.Get(ctx, d.ref)
		if err != nil {
			t.Fatal(err)
		}
		begin := make([]byte, after)
		if _, err := io.ReadFull(artifact, begin); err != nil {
			t.Fatal(err)
		}
		leave()
		rest, err := io.ReadAll(artifact)
		_ = artifact.Close()
		// The rest may have arrived already.
		if whole := bytes.Equal(slices.Concat(begin, rest), d.content); !errors.Is(err, context.Canceled) && !(err == nil && whole) {
			t.Errorf("after %d bytes: %d more, %v", after, len(rest), err)
		}
		if errors.Is(err, cloud.ErrUnavailable) {
			t.Errorf("after %d bytes: S3 is blamed: %v", after, err)
		}
		if n := len(d.sent); n > 1 {
			t.Errorf("after %d bytes: %d requests", after, n)
		}
	}
}
