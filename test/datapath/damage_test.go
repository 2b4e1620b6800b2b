package datapath

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/emulator/faults"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/test/rig"
)

// I5, W5, W7, W9: what S3 sends is damaged, in a whole download or a part of one. Only the
// bytes of the artifact ever come with OK; what a range cannot be checked for, a flipped
// bit, is checked against its length and place alone (internal/cas, GetRange).
func TestDownloadsOfDamage(t *testing.T) {
	t.Parallel()
	var wire rig.Damage
	s := newSite(t, rig.Options{Reuse: rig.LongReuse, Wire: wire.Between})
	sizes, cases := []int{1000, 64 << 10, 1 << 20}, 0
	if everything {
		sizes = []int{2, 1000, 64<<10 - 1, 64 << 10, 64<<10 + 1, 256 << 10, 1 << 20, part + 1}
	}
	type damage struct {
		what string
		how  func([]byte) (io.Reader, int)
		want problem.Kind
	}
	for _, size := range sizes {
		content, d := rig.Content(size)
		damages := []damage{{"shorter", rig.Shorten, problem.Corrupt}, {"longer", rig.Lengthen, problem.Corrupt}, {"cut", rig.Cut, problem.Unavailable}}
		for _, bit := range []int{0, 7, size * 4, size*8 - 1} {
			damages = append(damages, damage{fmt.Sprint("bit ", bit), rig.Flip(bit), problem.Corrupt})
		}
		for _, l := range s.lanes(t) {
			if o := l.put(t, s.uploader(), d, int64(size), bytes.NewReader(content)); o.failed {
				t.Fatal(o)
			}
			for _, damage := range damages {
				wire.Do(damage.how)
				got, o := read(t, l, s.downloader(d), d, cas.Range{})
				if !o.failed || len(got) >= size || !o.lost && o.kind != damage.want {
					t.Errorf("%s, %d bytes, %s: %d came, %s", l, size, damage.what, len(got), o)
				}
				if l.String() == "gRPC" && o.lost {
					t.Errorf("%s, %d bytes, %s: %s", l, size, damage.what, o)
				}
				cases++
			}
			wire.Do(rig.Cut) // of a part, the length and the place are known
			want := cas.Range{Offset: 1, Length: int64(size / 2)}
			if got, o := read(t, l, s.downloader(d), d, want); !o.failed || len(got) >= size/2 {
				t.Errorf("%s, %d bytes, a part that is cut: %d came, %s", l, size, len(got), o)
			}
			cases++
			wire.Do(nil)
			s.holds(t, "undamaged", l, d, content)
		}
	}
	if cases != 2*len(sizes)*(3+4+1) {
		t.Errorf("%d cases", cases)
	}
	t.Logf("%d cases", cases)
}

// W7, W8, I12: GetObject fails in every way, once and for ever, at every stage of a
// download and of a range: OK means the bytes that were asked for, and the rest is S3's
// fault, to be tried again.
func TestDownloadsUnderEveryFault(t *testing.T) {
	t.Parallel()
	const size = 300_000
	s := newSite(t, rig.Options{Reuse: rig.LongReuse})
	content, d := rig.Content(size)
	if o := s.lanes(t)[0].put(t, s.uploader(), d, size, bytes.NewReader(content)); o.failed {
		t.Fatal(o)
	}
	faulty := append(failures[:len(failures)-1:len(failures)-1], // nobody is in conflict with a read
		faults.Rule{Kind: faults.CutDuring, Bytes: 1}, faults.Rule{Kind: faults.CutDuring, Bytes: 64 << 10},
		faults.Rule{Kind: faults.CutDuring, Bytes: size / 2}, faults.Rule{Kind: faults.CutDuring, Bytes: size - 200})
	counts := []int{1}
	if everything {
		counts = append(counts, 2, 0)
	}
	ranges, cases := []cas.Range{{}, {Offset: 100, Length: size - 200}}, 0
	for _, l := range s.lanes(t) {
		for _, fault := range faulty {
			for _, count := range counts {
				for _, want := range ranges {
					fault.Operation, fault.Count = "GetObject", count
					what := fmt.Sprintf("%s, %s after %d bytes, %d times, %+v", l, describe(fault), fault.Bytes, count, want)
					s.plan(t, fault)
					got, o := read(t, l, s.downloader(d), d, want)
					s.plan(t)
					part, err := want.Within(size)
					if err != nil {
						t.Fatal(err)
					}
					right := content[part.Offset:][:part.Length]
					switch {
					case !o.failed && !bytes.Equal(got, right):
						t.Errorf("%s: OK for %d bytes, not those of the artifact", what, len(got))
					case o.failed && (len(got) >= len(right) || !bytes.HasPrefix(right, got) || !o.retryable()):
						t.Errorf("%s: %d bytes, %s", what, len(got), o)
					case o.failed && count == 1 && fault.Code == "":
						t.Errorf("%s: not tried again: %s", what, o)
					}
					cases++
				}
			}
		}
	}
	if cases != 2*len(faulty)*len(counts)*len(ranges) || len(faulty) < 9 {
		t.Errorf("%d cases", cases)
	}
	t.Logf("%d cases", cases)
}
