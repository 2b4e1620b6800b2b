package digest_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/managedcas/managedcas/internal/digest"
)

// chunkings are the ways in which a source may hand out the same content.
func chunkings() map[string]func(io.Reader) io.Reader {
	return map[string]func(io.Reader) io.Reader{
		"as it comes":              func(r io.Reader) io.Reader { return r },
		"one byte":                 iotest.OneByteReader,
		"half":                     iotest.HalfReader,
		"data with EOF":            iotest.DataErrReader,
		"one byte, last with EOF":  func(r io.Reader) io.Reader { return iotest.DataErrReader(iotest.OneByteReader(r)) },
		"empty reads in between":   func(r io.Reader) io.Reader { return &hesitant{src: r} },
		"empty reads, single byte": func(r io.Reader) io.Reader { return &hesitant{src: iotest.OneByteReader(r)} },
	}
}

// hesitant returns nothing, and no error, before every read.
type hesitant struct {
	src   io.Reader
	ready bool
}

func (h *hesitant) Read(p []byte) (int, error) {
	h.ready = !h.ready
	if h.ready {
		return 0, nil
	}
	return h.src.Read(p)
}

// drain reads with a buffer of size until the first error, as a careless consumer
// would: keeping every byte that it was given.
func drain(r io.Reader, size int) ([]byte, error) {
	var got []byte
	buffer := make([]byte, size)
	for {
		n, err := r.Read(buffer)
		got = append(got, buffer[:n]...)
		if err != nil {
			return got, err
		}
	}
}

func contents() [][]byte {
	return [][]byte{{}, []byte("a"), []byte("ab"), []byte("abc"), bytes.Repeat([]byte("0123456789"), 1000)}
}

func TestVerifyPassesTrueContent(t *testing.T) {
	t.Parallel()
	for _, content := range contents() {
		for name, chunked := range chunkings() {
			for _, size := range []int{1, 2, 3, 512, 1 << 16} {
				for _, length := range []int64{digest.UnknownLength, int64(len(content))} {
					r := digest.Verify(chunked(bytes.NewReader(content)), digest.Of(content), length)
					got, err := drain(r, size)
					if err != io.EOF || !bytes.Equal(got, content) { //nolint:errorlint // the contract is io.EOF itself
						t.Errorf("%d bytes, %s, buffer %d, length %d: %d bytes, %v", len(content), name, size, length, len(got), err)
					}
					if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF { //nolint:errorlint // as above
						t.Errorf("%d bytes, %s: after the end: %d, %v", len(content), name, n, err)
					}
				}
			}
		}
	}
}

func TestVerifyKeepsTheReaderContract(t *testing.T) {
	t.Parallel()
	for _, content := range contents() {
		r := digest.Verify(bytes.NewReader(content), digest.Of(content), int64(len(content)))
		if err := iotest.TestReader(r, content); err != nil {
			t.Errorf("%d bytes: %v", len(content), err)
		}
	}
}

// The heart of DESIGN I5: whatever is wrong, the last byte stays behind, nobody is
// told EOF, and the error stays.
func TestI5_WrongContentIsNeverReleasedWhole(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	for _, content := range contents() {
		size := int64(len(content))
		other := digest.Of([]byte("something else"))
		own := digest.Of(content)
		for name, chunked := range chunkings() {
			for _, buffer := range []int{1, 2, 7, 1 << 16} {
				source := func() io.Reader { return chunked(bytes.NewReader(content)) }
				for _, test := range []struct {
					fault  string
					reader io.Reader
					want   error
				}{
					{"wrong digest", digest.Verify(source(), other, size), digest.ErrMismatch},
					{"wrong digest, unknown length", digest.Verify(source(), other, digest.UnknownLength), digest.ErrMismatch},
					{"wrong digest, that of nothing", digest.Verify(source(), digest.Digest{}, size), digest.ErrMismatch},
					{"too short", digest.Verify(source(), own, size+1), digest.ErrLength},
					{"too long", digest.Verify(io.MultiReader(source(), bytes.NewReader([]byte("x"))), own, size), digest.ErrLength},
					{"broken after the last byte", digest.Verify(io.MultiReader(source(), iotest.ErrReader(broken)), own, size), broken},
					{"broken with an EOF inside", digest.Verify(io.MultiReader(source(), iotest.ErrReader(fmt.Errorf("cut: %w", io.EOF))), own, size), nil},
				} {
					where := fmt.Sprintf("%s of %d bytes, %s, buffer %d", test.fault, size, name, buffer)
					got, err := drain(test.reader, buffer)
					if err == io.EOF || (test.want != nil && !errors.Is(err, test.want)) { //nolint:errorlint // EOF itself means success
						t.Errorf("%s: ended with %v", where, err)
					}
					if int64(len(got)) >= size && size > 0 {
						t.Errorf("%s: all %d bytes were released", where, len(got))
					}
					if !bytes.HasPrefix(content, got) {
						t.Errorf("%s: released what the source did not have", where)
					}
					if n, again := test.reader.Read(make([]byte, 8)); n != 0 || again != err { //nolint:errorlint // the very same error
						t.Errorf("%s: the next read gave %d, %v", where, n, again)
					}
				}
			}
		}
	}
}

// io.ReadFull forgets an error that comes with a full buffer, so an integrity error
// must come alone.
func TestI5_IntegrityErrorsComeAlone(t *testing.T) {
	t.Parallel()
	content := []byte("0123456789")
	r := digest.Verify(iotest.DataErrReader(bytes.NewReader(content)), digest.Of([]byte("x")), int64(len(content)))
	buffer := make([]byte, len(content)-1)
	if n, err := io.ReadFull(r, buffer); err == nil {
		t.Errorf("%d bytes of wrong content read without an error", n)
	}
}

func TestVerifyReportsSourceErrors(t *testing.T) {
	t.Parallel()
	content := []byte("0123456789")
	r := digest.Verify(iotest.TimeoutReader(iotest.OneByteReader(bytes.NewReader(content))), digest.Of(content), int64(len(content)))
	got, err := drain(r, 4)
	if !errors.Is(err, iotest.ErrTimeout) || len(got) > 1 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// A source that never says anything does not hang its consumer.
func TestVerifyGivesUpWithoutProgress(t *testing.T) {
	t.Parallel()
	r := digest.Verify(silent{}, digest.Of(nil), digest.UnknownLength)
	if _, err := drain(r, 4); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("got %v", err)
	}
}

type silent struct{}

func (silent) Read([]byte) (int, error) { return 0, nil }

// An announced length bounds what is taken from the source: an endless one is left
// after one buffer too many, not after the disk is full.
func TestVerifyStopsAnEndlessSource(t *testing.T) {
	t.Parallel()
	r := digest.Verify(endless{}, digest.Of(nil), 10_000)
	got, err := drain(r, 512)
	if !errors.Is(err, digest.ErrLength) || len(got) > 10_000 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// Any content, cut anywhere, with one bit changed anywhere or nowhere.
func TestVerifyProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		content := rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(t, "content")
		sent := bytes.Clone(content)
		if rapid.Bool().Draw(t, "corrupt") {
			bit := rapid.IntRange(0, len(sent)*8-1).Draw(t, "bit")
			sent[bit/8] ^= 1 << (bit % 8)
		}
		parts := rapid.SliceOfN(rapid.IntRange(1, 50), 1, 20).Draw(t, "source chunks")
		size := rapid.IntRange(1, 64).Draw(t, "buffer")
		r := digest.Verify(&chunked{content: sent, sizes: parts}, digest.Of(content), int64(len(content)))
		got, err := drain(r, size)
		if bytes.Equal(sent, content) {
			if err != io.EOF || !bytes.Equal(got, content) { //nolint:errorlint // the contract is io.EOF itself
				t.Fatalf("true content: %d bytes, %v", len(got), err)
			}
			return
		}
		if !errors.Is(err, digest.ErrMismatch) || len(got) >= len(content) {
			t.Fatalf("corrupt content: %d of %d bytes, %v", len(got), len(content), err)
		}
	})
}

// chunked hands out content in pieces of the given sizes, over and over.
type chunked struct {
	content []byte
	sizes   []int
	next    int
}

func (c *chunked) Read(p []byte) (int, error) {
	if len(c.content) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), c.sizes[c.next%len(c.sizes)])], c.content)
	c.next++
	c.content = c.content[n:]
	return n, nil
}
