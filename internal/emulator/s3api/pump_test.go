package s3api

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// pump writes what it reads, all of it, up to the error of either side.
func TestPump(t *testing.T) {
	t.Parallel()
	errRead, errWrite := errors.New("read"), errors.New("write")
	rapid.Check(t, func(t *rapid.T) {
		content := bytes.Repeat([]byte("0123456789abcdef!"), rapid.IntRange(0, 40_000).Draw(t, "size"))
		var r io.Reader = bytes.NewReader(content)
		if rapid.Bool().Draw(t, "short reads") {
			r = iotest.HalfReader(r)
		}
		want := error(nil)
		switch rapid.IntRange(0, 3).Draw(t, "reader") {
		case 0:
			r, want = io.MultiReader(r, iotest.ErrReader(errRead)), errRead
		case 1: // what a connection that breaks off in a body says
			r, want = io.MultiReader(r, iotest.ErrReader(io.ErrUnexpectedEOF)), io.ErrUnexpectedEOF
		case 2:
			r = iotest.DataErrReader(r)
		}
		room := rapid.IntRange(0, 2*len(content)+1).Draw(t, "room")
		var got bytes.Buffer
		n, err := pump(writerFunc(func(p []byte) (int, error) {
			if got.Len()+len(p) > room {
				return 0, errWrite
			}
			return got.Write(p)
		}), r)
		if room < len(content) {
			want = errWrite
		}
		if !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Fatalf("error %v, want %v", err, want)
		}
		if n != int64(got.Len()) || !bytes.HasPrefix(content, got.Bytes()) || !errors.Is(err, errWrite) && got.Len() != len(content) {
			t.Fatalf("%d of %d bytes came out, %d were counted", got.Len(), len(content), n)
		}
	})
}
