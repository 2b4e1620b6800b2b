package cas_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"testing"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/test/rig"
)

// W12: a range is the bytes that a slice of the content has, for one request; without a
// HEAD before it (W14).
func TestW12_RangesAreSlices(t *testing.T) {
	t.Parallel()
	d := newDownload(t, 0)
	for _, size := range []int{1, 1000, 20_000, singleMax + 1} { // with the record, in a file, in parts
		d.store(t, size)
		n := int64(size)
		for _, row := range []struct {
			want      cas.Range
			from, end int64
		}{
			{cas.Range{}, 0, n}, {cas.Range{Length: n}, 0, n}, {cas.Range{Length: math.MaxInt64}, 0, n},
			{cas.Range{Length: 1}, 0, 1}, {cas.Range{Offset: n - 1}, n - 1, n}, {cas.Range{Offset: n - 1, Length: math.MaxInt64}, n - 1, n},
			{cas.Range{Offset: n / 2, Length: n / 4}, n / 2, n/2 + span(n/4, n-n/2)},
			{cas.Range{Offset: -1}, n - 1, n}, {cas.Range{Offset: -n}, 0, n}, {cas.Range{Offset: -n - 1}, 0, n},
		} {
			d.forget()
			artifact, err := d.Store.GetRange(t.Context(), d.ref, row.want)
			if err != nil {
				t.Errorf("%d bytes, %+v: %v", size, row.want, err)
				continue
			}
			got, err := io.ReadAll(artifact)
			_ = artifact.Close()
			if err != nil || !bytes.Equal(got, d.content[row.from:row.end]) {
				t.Errorf("%d bytes, %+v: %d bytes, %v", size, row.want, len(got), err)
			}
			if want := (cas.Range{Offset: row.from, Length: row.end - row.from}); artifact.Part != want || artifact.Info.Size != n || artifact.Whole() != (row.end-row.from == n) {
				t.Errorf("%d bytes, %+v: said to be %+v of %d, whole %t", size, row.want, artifact.Part, artifact.Info.Size, artifact.Whole())
			}
			if len(d.sent) != 1 {
				t.Errorf("W14: %d bytes, %+v: %d requests", size, row.want, len(d.sent))
			}
		}
	}
}

// span is how many of left bytes a length asks for; 0 asks for all.
func span(length, left int64) int64 {
	if length == 0 {
		return left
	}
	return min(length, left)
}

// W12: a range behind the end fails with the size, one of a missing artifact as that.
func TestW12_RangesBehindTheEnd(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	id := r.Org(t)
	for size := range 2 {
		content, d := rig.Content(size)
		ref := cas.Ref{Org: id, Digest: d}
		if _, err := r.Store.Put(t.Context(), ref, int64(size), bytes.NewReader(content), cas.Label{}); err != nil {
			t.Fatal(err)
		}
		for _, offset := range []int64{int64(size), math.MaxInt64} {
			_, err := r.Store.GetRange(t.Context(), ref, cas.Range{Offset: offset, Length: 1})
			behind, ok := errors.AsType[*cas.RangeError](err)
			if !ok || behind.Size != int64(size) || problem.KindOf(cas.Problem(err)) != problem.RangeUnsatisfiable {
				t.Errorf("%d bytes from %d: %v", size, offset, err)
			}
		}
	}
	_, missing := rig.Content(9)
	if _, err := r.Store.GetRange(t.Context(), cas.Ref{Org: id, Digest: missing}, cas.Range{Offset: 1}); !errors.Is(err, cas.ErrNotFound) {
		t.Errorf("missing: %v", err)
	}
}

// I5: a range that is the whole is verified like one; of a part, what can be known is.
func TestI5_RangesThatCoverEverythingAreVerified(t *testing.T) {
	t.Parallel()
	var wire rig.Damage
	options := small()
	options.Wire = wire.Between
	r := rig.New(t, options)
	content, d := rig.Content(1000)
	ref := cas.Ref{Org: r.Org(t), Digest: d}
	if _, err := r.Store.Put(t.Context(), ref, 1000, bytes.NewReader(content), cas.Label{}); err != nil {
		t.Fatal(err)
	}
	get := func(want cas.Range) ([]byte, error) {
		artifact, err := r.Store.GetRange(t.Context(), ref, want)
		if err != nil {
			return nil, err
		}
		defer artifact.Close()
		return io.ReadAll(artifact)
	}
	for _, whole := range []cas.Range{{Length: 1000}, {Length: 5000}, {Offset: -1000}} {
		wire.Do(rig.Flip(4000))
		if got, err := get(whole); !errors.Is(err, cas.ErrCorrupt) || len(got) >= 1000 {
			t.Errorf("%+v with a bit flipped: %d bytes, %v", whole, len(got), err)
		}
	}
	for what, how := range map[string]func([]byte) (io.Reader, int){"shorter": rig.Shorten, "longer": rig.Lengthen, "cut": rig.Cut} {
		wire.Do(how)
		if got, err := get(cas.Range{Offset: 1, Length: 500}); problem.KindOf(cas.Problem(err)) != problem.Unavailable || len(got) >= 500 {
			t.Errorf("a part, %s: %d bytes, %v", what, len(got), err)
		}
	}
}

func ExampleRange_Header() {
	for _, r := range []cas.Range{{}, {Offset: 5}, {Offset: -5}, {Length: 5}, {Offset: 5, Length: 5}, {Offset: 5, Length: math.MaxInt64}} {
		fmt.Printf("%q\n", r.Header())
	}
	// Output:
	// ""
	// "bytes=5-"
	// "bytes=-5"
	// "bytes=0-4"
	// "bytes=5-9"
	// "bytes=5-"
}
