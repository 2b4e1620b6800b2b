package iam

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// inPieces reads as much at a time as comes to its mind.
type inPieces struct {
	rest []byte
	rand *rand.Rand
}

func (r *inPieces) Read(p []byte) (int, error) {
	most := min(len(p), len(r.rest))
	if most == 0 {
		return 0, io.EOF
	}
	n := 1 + r.rand.IntN(most)
	if r.rand.IntN(3) > 0 {
		n = min(n, 1+r.rand.IntN(100))
	}
	copy(p, r.rest[:n])
	r.rest = r.rest[n:]
	if len(r.rest) == 0 && r.rand.IntN(2) == 0 {
		return n, io.EOF // with the last bytes, as a Reader may
	}
	return n, nil
}

// TestBlockReader: blocks are the lines of the input, whole and in order, whatever the
// sizes of reads; of a line that is too long there is only that it was there.
func TestBlockReader(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(7, 0))
	for range 20 {
		var in, want bytes.Buffer
		for range random.IntN(200) {
			length := random.IntN(300)
			switch random.IntN(60) {
			case 0:
				length = firstBlockBytes + random.IntN(mostBlockBytes)
			case 1:
				length = MaxQuestionBytes + random.IntN(mostBlockBytes)
			}
			line := strings.Repeat(string(rune('a'+random.IntN(26))), length) + "\n"
			in.WriteString(line)
			if len(line) > MaxQuestionBytes {
				line = "too long\n"
			}
			want.WriteString(line)
		}
		if random.IntN(2) == 0 {
			in.WriteString("no newline")
			want.WriteString("no newline")
		}
		var got bytes.Buffer
		r := blockReader{in: &inPieces{in.Bytes(), random}}
		block, tooLong, err := r.next()
		for ; err == nil; block, tooLong, err = r.next() {
			if tooLong {
				got.WriteString("too long\n")
			}
			for line := range bytes.Lines(block) {
				if len(line) > MaxQuestionBytes {
					line = []byte("too long\n") // it was whole in the buffer already
				}
				got.Write(line)
			}
		}
		if !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Fatalf("blocks hold %d bytes, the input %d, or others", got.Len(), want.Len())
		}
	}
}

// TestBlockReaderGivesUp on a reader that has nothing and does not end.
func TestBlockReaderGivesUp(t *testing.T) {
	t.Parallel()
	r := blockReader{in: nothing{}}
	if _, _, err := r.next(); !errors.Is(err, io.ErrNoProgress) {
		t.Error(err)
	}
}

type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, nil }

// TestSplit: the parts of a block are its lines, whole and in order.
func TestSplit(t *testing.T) {
	t.Parallel()
	var block bytes.Buffer
	for i := range 3_000 {
		block.WriteString(strings.Repeat("x", i%1_000) + "\n")
	}
	block.WriteString(strings.Repeat("y", 3*partBytes))
	var a answerers
	a.split(block.Bytes())
	var joined []byte
	for i, part := range a.parts {
		if last := i == len(a.parts)-1; !last && !bytes.HasSuffix(part.lines, []byte("\n")) {
			t.Errorf("part %d ends within a line", i)
		}
		joined = append(joined, part.lines...)
	}
	if !bytes.Equal(joined, block.Bytes()) {
		t.Error("the parts are not the block")
	}
	if least := block.Len() / (2 * partBytes); len(a.parts) < least {
		t.Errorf("%d parts, want at least %d: no work for several cores", len(a.parts), least)
	}
}
