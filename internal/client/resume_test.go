package client_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/client"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/test/rig"
)

const mebibyte = 1 << 20

// wire stands between a client and its server. It cuts a connection after so many bytes,
// as often as it is told.
type wire struct {
	after int64
	cuts  atomic.Int32
	away  atomic.Bool  // nobody is let in after a cut
	seen  atomic.Int64 // bytes from the client, of all connections
}

// to returns an address that leads to server.
func (w *wire) to(t *testing.T, server string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			if w.away.Load() && w.cuts.Load() <= 0 {
				_ = near.Close()
				continue
			}
			far, err := net.Dial("tcp", server)
			if err != nil {
				_ = near.Close()
				continue
			}
			go func() { _, _ = io.Copy(near, far); _ = near.Close() }()
			go func() { w.forward(far, near); _ = far.Close(); _ = near.Close() }()
		}
	}()
	return listener.Addr().String()
}

func (w *wire) forward(far io.Writer, near io.Reader) {
	counted := io.TeeReader(near, (*counter)(&w.seen))
	n, _ := io.CopyN(far, counted, w.after)
	if n == w.after && w.cuts.Add(-1) >= 0 {
		return
	}
	_, _ = io.Copy(far, counted)
}

type counter atomic.Int64

func (c *counter) Write(p []byte) (int, error) {
	(*atomic.Int64)(c).Add(int64(len(p)))
	return len(p), nil
}

// An upload that is cut off goes on by itself, and sends again only what was on its way.
func TestUploadResumes(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{ResumableMin: 10 * mebibyte})
	site := r.Site(t, "acme")
	w := &wire{after: 13 * mebibyte}
	w.cuts.Store(2)
	c := connect(t, site, func(cfg *client.Config) {
		cfg.ResumeFrom, cfg.ArtifactCAS = 10*mebibyte, w.to(t, site.ArtifactCAS)
	})
	content, d := rig.Content(33 * mebibyte)
	var moved int64
	got, err := c.Upload(t.Context(), file(t, "ä b.bin", content), "", func(n, _ int64) { moved += n })
	if err != nil || got.Digest != d || moved != int64(len(content)) {
		t.Fatalf("%+v, %v, progress of %d", got, err, moved)
	}
	if w.cuts.Load() > 0 {
		t.Errorf("%d cuts were not made", w.cuts.Load())
	}
	// Each cut costs less than what may be in memory and on the wire; the frames take some KiB.
	if seen := w.seen.Load(); seen > int64(len(content))+2*13*mebibyte+mebibyte {
		t.Errorf("%d MiB were sent for %d", seen/mebibyte, len(content)/mebibyte)
	}
	var out bytes.Buffer
	artifact, err := c.Download(t.Context(), d, &out, nil)
	if err != nil || !bytes.Equal(out.Bytes(), content) || artifact.FileName != "ä b.bin" {
		t.Errorf("%+v, %v", artifact, err)
	}
	if left := r.Uploads(t); len(left) > 0 {
		t.Errorf("unfinished uploads: %q", left)
	}
}

// Who waits is told for what and how long, once, and not of a moment.
func TestUploadWaitsForItsServer(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{ResumableMin: 10 * mebibyte})
	site := r.Site(t, "acme")
	w := &wire{after: 13 * mebibyte}
	w.cuts.Store(1)
	w.away.Store(true)
	var told []string
	c := connect(t, site, func(cfg *client.Config) {
		cfg.ResumeFrom, cfg.ArtifactCAS = 10*mebibyte, w.to(t, site.ArtifactCAS)
		cfg.Tell = func(line string) {
			told = append(told, line)
			w.away.Store(false)
		}
	})
	content, _ := rig.Content(23 * mebibyte)
	if got, err := c.Upload(t.Context(), file(t, "a", content), "", nil); err != nil || !got.Created || got.ResumedFrom != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if len(told) != 1 || !regexp.MustCompile(`^waiting for the artifact CAS, trying again until \d\d:\d\d:\d\d: .`).MatchString(told[0]) {
		t.Errorf("told %q", told)
	}
}

// Where an organization may begin no further upload that can be resumed, one that cannot
// is made: abandoned ones of others are no reason to fail for a day.
func TestUploadWhereNoFurtherOneCanBeResumed(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{ResumableMin: 10 * mebibyte})
	site := r.Site(t, "acme")
	for i := range 100 {
		_, d := rig.Content(i)
		if _, err := r.Store.BeginUpload(t.Context(), cas.Ref{Org: site.Org, Digest: d}, uuid.New(), 10*mebibyte, cas.Label{}); err != nil {
			t.Fatal(err)
		}
	}
	var told []string
	c := connect(t, site, func(cfg *client.Config) {
		cfg.ResumeFrom, cfg.Tell = 10*mebibyte, func(line string) { told = append(told, line) }
	})
	content, d := rig.Content(11 * mebibyte)
	moved := int64(0)
	got, err := c.Upload(t.Context(), file(t, "a", content), "", func(n, _ int64) { moved += n })
	if err != nil || got.Digest != d || !got.Created || moved != int64(len(content)) {
		t.Errorf("%+v, progress of %d, %v", got, moved, err)
	}
	if len(told) != 1 || !strings.Contains(told[0], "cannot be resumed") {
		t.Errorf("told %q", told)
	}
}

// A second run finds what the first one has sent, though nothing is written down.
func TestUploadResumesInAnotherRun(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{ResumableMin: 10 * mebibyte})
	site := r.Site(t, "acme")
	small := func(cfg *client.Config) { cfg.ResumeFrom = 10 * mebibyte }
	content, d := rig.Content(23 * mebibyte)
	path := file(t, "a", content)
	ctx, kill := context.WithCancel(t.Context())
	sent := int64(0)
	if _, err := connect(t, site, small).Upload(ctx, path, "", func(n, _ int64) {
		if sent += n; sent > 20*mebibyte {
			kill()
		}
	}); err == nil {
		t.Fatal("the first run was not ended")
	}
	first := int64(-1)
	got, err := connect(t, site, small).Upload(t.Context(), path, "", func(n, _ int64) {
		if first < 0 {
			first = n
		}
	})
	if err != nil || !got.Created || got.ResumedFrom != first {
		t.Fatalf("%+v, %v", got, err)
	}
	if first < 5*mebibyte || first%(5*mebibyte) != 0 {
		t.Errorf("the second run found %d bytes", first)
	}
	if exists, err := r.Store.Exists(t.Context(), cas.Ref{Org: site.Org, Digest: d}); !exists || err != nil {
		t.Errorf("exists %t, %v", exists, err)
	}
}

// A file that is another one in the second run is not stored, and its owner is told.
func TestResumedUploadOfAFileThatChanged(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{ResumableMin: 10 * mebibyte})
	site := r.Site(t, "acme")
	w := &wire{after: 13 * mebibyte}
	w.cuts.Store(1)
	c := connect(t, site, func(cfg *client.Config) {
		cfg.ResumeFrom, cfg.ArtifactCAS = 10*mebibyte, w.to(t, site.ArtifactCAS)
	})
	content, d := rig.Content(23 * mebibyte)
	path := file(t, "a", content)
	changed := false
	_, err := c.Upload(t.Context(), path, "", func(int64, int64) {
		if changed || w.cuts.Load() > 0 {
			return
		}
		changed = true
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = f.WriteAt([]byte("another"), 22*mebibyte)
		_ = f.Close()
	})
	if problem.KindOf(err) != problem.Conflict || !changed {
		t.Errorf("changed %t: %v", changed, err)
	}
	if exists, err := r.Store.Exists(t.Context(), cas.Ref{Org: site.Org, Digest: d}); exists || err != nil {
		t.Errorf("exists %t, %v", exists, err)
	}
}
