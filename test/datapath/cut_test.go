package datapath

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/test/rig"
)

var errGone = errors.New("the client is gone")

// I3, W16, W17: a client goes away after every chunk of an upload. Nothing is visible, no
// parts are left, and the same upload goes through afterwards.
func TestUploadsCutAtEveryChunk(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{Reuse: rig.LongReuse})
	chunk := 1 << 20
	if everything {
		chunk = 64 << 10
	}
	cases := 0
	for _, l := range s.lanes(t) {
		for _, shape := range append(shapes, shape{"in more parts", 2*part + 1, undeclared}) {
			content, d := rig.Content(shape.size)
			for _, sent := range cutsOf(shape.size, chunk) {
				what := fmt.Sprintf("%s, cut after %d of %d bytes", shape.name, sent, shape.size)
				body := io.MultiReader(bytes.NewReader(content[:sent]), failing{errGone})
				if o := shape.put(t, l, s.uploader(), d, body); !o.failed {
					t.Errorf("%s, %s: %s", l, what, o)
				}
				cases++
			}
			s.quiet(t)
			s.lacks(t, shape.name, l, d)
			s.again(t, shape.name, l, shape, d, content)
		}
	}
	s.noParts(t, "after the cuts")
	if least := 2 * (3 + 4 + 7 + 12); cases < least {
		t.Errorf("%d cases, want %d", cases, least)
	}
	t.Logf("%d cases", cases)
}

// cutsOf are the places where a transfer of size bytes is cut: at nothing, at every chunk
// and before the last byte.
func cutsOf(size, chunk int) []int {
	cuts := []int{0, 1}
	for at := chunk; at < size-1; at += chunk {
		cuts = append(cuts, at)
	}
	return append(cuts, size-1)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// I5: a client goes away after every chunk of a download. The server holds nothing for it.
func TestDownloadsCutAtEveryChunk(t *testing.T) {
	t.Parallel()
	const size = 4<<20 + 1
	s := newSite(t, rig.Options{Reuse: rig.LongReuse})
	content, d := rig.Content(size)
	chunk := 256 << 10
	if everything {
		chunk = 16 << 10
	}
	cases := 0
	for _, l := range s.lanes(t) {
		if o := l.put(t, s.uploader(), d, size, bytes.NewReader(content)); o.failed {
			t.Fatal(o)
		}
		for _, after := range cutsOf(size, chunk) {
			var got []byte
			o := l.get(t, s.downloader(d), d, cas.Range{}, func(piece []byte) error {
				got = append(got, piece...)
				if len(got) > after {
					return errGone
				}
				return nil
			})
			if !o.failed || !bytes.HasPrefix(content, got) {
				t.Errorf("%s, cut after %d: %s, %d bytes", l, after, o, len(got))
			}
			cases++
		}
		s.quiet(t)
		s.holds(t, "afterwards", l, d, content)
	}
	if cases < 2*(size/chunk) {
		t.Errorf("%d cases", cases)
	}
	t.Logf("%d cases", cases)
}

// quiet waits until no transfer is left in the server: a cut one ends a moment after its
// client.
func (s *site) quiet(t *testing.T) {
	t.Helper()
	rig.Eventually(t, "no transfer is left", func() bool { return !inFlight.MatchString(s.metrics()) })
}
