package datapath

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/test/rig"
)

// W1, W2: other content under a valid digest is refused as the client's fault, over both
// protocols and in every shape; the digest is not taken by it.
func TestW1_PoisonIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{Reuse: rig.LongReuse})
	for _, l := range s.lanes(t) {
		for _, shape := range shapes {
			content, d := rig.Content(shape.size)
			other, _ := rig.Content(shape.size)
			flipped := bytes.Clone(content)
			flipped[shape.size-1] ^= 1
			for what, poison := range map[string][]byte{"other content": other, "one bit": flipped} {
				if o := shape.put(t, l, s.uploader(), d, bytes.NewReader(poison)); o.kind != problem.Invalid || o.lost {
					t.Errorf("%s, %s, %s: %s", l, shape.name, what, o)
				}
				s.lacks(t, shape.name+", "+what, l, d)
			}
		}
	}
	s.noParts(t, "after the poison")
}

// W2: poison is not permanent. The honest upload that follows succeeds, and every download.
func TestW2_PoisonDoesNotStay(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{Reuse: rig.LongReuse})
	for _, l := range s.lanes(t) {
		for _, shape := range shapes {
			content, d := rig.Content(shape.size)
			poison, _ := rig.Content(shape.size)
			_ = shape.put(t, l, s.uploader(), d, bytes.NewReader(poison))
			s.again(t, shape.name, l, shape, d, content)
			if o := shape.put(t, l, s.uploader(), d, bytes.NewReader(poison)); !o.failed && l.String() == "HTTP" {
				t.Errorf("%s, %s: poison under a digest that is there: %s", l, shape.name, o)
			}
			s.holds(t, shape.name, l, d, content)
		}
	}
}

// W6: a slow writer and a fast one at the same digest, one of them with wrong content. The
// right one wins, whether it comes first or last, and the wrong one is told that it is, if
// anybody reads what it sends.
func TestW6_SlowAndFastWriters(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{Reuse: rig.LongReuse})
	for _, slow := range s.lanes(t) {
		for _, fast := range s.lanes(t) {
			for _, shape := range shapes {
				for _, slowIsRight := range []bool{false, true} {
					s.race(t, slow, fast, shape, slowIsRight)
				}
			}
		}
	}
	s.noParts(t, "after the races")
}

func (s *site) race(t *testing.T, slow, fast lane, shape shape, slowIsRight bool) {
	t.Helper()
	what := fmt.Sprintf("slow %s, fast %s, %s, the slow one is right: %t", slow, fast, shape.name, slowIsRight)
	right, d := rig.Content(shape.size)
	wrong := bytes.Clone(right)
	wrong[shape.size-1] ^= 1
	first, last := wrong, right
	if slowIsRight {
		first, last = right, wrong
	}
	half, done := make(chan struct{}), make(chan struct{})
	body := io.MultiReader(bytes.NewReader(first[:shape.size/2]), &pause{reached: half, until: done}, bytes.NewReader(first[shape.size/2:]))
	ended := make(chan outcome, 1)
	go func() { ended <- shape.put(t, slow, s.uploader(), d, body) }()
	select {
	case <-half:
	case o := <-ended:
		t.Fatalf("%s: the slow one ended before its second half: %s", what, o)
	}
	ofFast := shape.put(t, fast, s.uploader(), d, bytes.NewReader(last))
	close(done)
	ofSlow := <-ended
	ofRight, ofWrong := ofFast, ofSlow
	if slowIsRight {
		ofRight, ofWrong = ofSlow, ofFast
	}
	// Over gRPC, an upload of more than a MiB is an offer: if the right one is there when
	// it is looked for, the rest is not read, and nothing of it is stored (decision 006).
	unread := !slowIsRight && slow.String() == "gRPC" && shape.size > 1<<20 && !ofWrong.failed
	if ofRight.failed || !unread && (!ofWrong.failed || ofWrong.lost || ofWrong.kind != problem.Invalid) {
		t.Errorf("%s: the right one: %s, the wrong one: %s", what, ofRight, ofWrong)
	}
	s.holds(t, what, fast, d, right)
}

// pause reads as nothing, once what it waits for has happened.
type pause struct {
	reached chan<- struct{}
	until   <-chan struct{}
	once    sync.Once
}

func (p *pause) Read([]byte) (int, error) {
	p.once.Do(func() { close(p.reached); <-p.until })
	return 0, io.EOF
}
