package blob

import (
	"bytes"
	"errors"
	"os"
	"testing"
)

// broken takes some writes and then fails.
type broken struct{ left int }

var errBroken = errors.New("the client is gone")

func (b *broken) Write(p []byte) (int, error) {
	if b.left--; b.left < 0 {
		return 0, errBroken
	}
	return len(p), nil
}

// Whoever stops taking bytes ends the reader, wherever that happens.
func TestWriterFails(t *testing.T) {
	t.Parallel()
	s, key := newStore(t, t.TempDir()), newKey()
	const size = 10 * ahead
	id := write(t, s, key, pattern(size), size)
	for writes := range 10 {
		r, err := s.Open(id, key, 0, size)
		if err != nil {
			t.Fatal(err)
		}
		n, err := r.WriteTo(&broken{writes})
		if !errors.Is(err, errBroken) || n != int64(writes*ahead) {
			t.Errorf("after %d writes: %d bytes, %v", writes, n, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// What lies before the damage may have been sent; nothing of what follows is.
func TestDamageStopsReadingAhead(t *testing.T) {
	t.Parallel()
	s, key := newStore(t, t.TempDir()), newKey()
	const size = 8 * ahead
	content := pattern(size)
	id := write(t, s, key, content, size)
	for segment := range size / segmentSize {
		damaged := edited(t, s, id, segment*sealedSize+100)
		r, err := s.Open(id, key, 0, size)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if _, err := r.WriteTo(&out); !errors.Is(err, ErrCorrupt) {
			t.Errorf("segment %d: %v", segment, err)
		}
		if got := out.Bytes(); !bytes.Equal(got, content[:segment*segmentSize]) {
			t.Errorf("segment %d: %d bytes came out before it", segment, len(got))
		}
		_ = r.Close()
		damaged()
	}
}

// edited flips a bit of a blob's file and returns how to flip it back.
func edited(t *testing.T, s *Store, id ID, at int) (back func()) {
	t.Helper()
	file, err := os.OpenFile(s.path(id), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	flip := func() {
		var b [1]byte
		if _, err := file.ReadAt(b[:], int64(at)); err != nil {
			t.Fatal(err)
		}
		b[0] ^= 4
		if _, err := file.WriteAt(b[:], int64(at)); err != nil {
			t.Fatal(err)
		}
	}
	flip()
	return flip
}
