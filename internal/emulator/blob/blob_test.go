package blob

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	mrand "math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"github.com/managedcas/managedcas/internal/emulator/state"
)

func newStore(t testing.TB, dir string) *Store {
	t.Helper()
	db, err := state.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	s := openStore(t, dir, db)
	t.Cleanup(func() { _ = db.Close() })
	return s
}

func openStore(t testing.TB, dir string, db *state.DB) *Store {
	t.Helper()
	s, err := Open(dir, db)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newKey() []byte {
	key := make([]byte, KeySize)
	rand.Read(key)
	return key
}

// write stores content in writes of step bytes.
func write(t testing.TB, s *Store, key, content []byte, step int) ID {
	t.Helper()
	w, err := s.Create(key)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for rest := content; len(rest) > 0; {
		n := min(step, len(rest))
		if _, err := w.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if w.Size() != int64(len(content)) {
		t.Fatalf("size %d, want %d", w.Size(), len(content))
	}
	blob, err := w.Commit()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.db.Update(blob.Record); err != nil {
		t.Fatal(err)
	}
	return blob.ID
}

func read(s *Store, id ID, key []byte, offset, length int64) (_ []byte, err error) {
	r, err := s.Open(id, key, offset, length)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if err := r.Prime(); err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// pattern is content in which every segment differs.
func pattern(n int) []byte {
	content := make([]byte, n)
	r := mrand.NewChaCha8([32]byte{1})
	_, _ = r.Read(content)
	return content
}

// Every range reads as the same slice of what was written, however it was written.
func TestRangesAreSlices(t *testing.T) {
	t.Parallel()
	s, key := newStore(t, t.TempDir()), newKey()
	edges := []int{0, 1, smallMax, smallMax + 1, segmentSize - 1, segmentSize, segmentSize + 1, 2 * segmentSize, 2*segmentSize + 17, aheadFrom - 1, aheadFrom, 2*aheadFrom + 99}
	type written struct {
		content []byte
		id      ID
	}
	var blobs []written
	for i, size := range edges {
		content := pattern(size)
		blobs = append(blobs, written{content, write(t, s, key, content, 1000*i+777)})
	}
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SampledFrom(blobs).Draw(t, "blob")
		offset := rapid.IntRange(0, len(b.content)).Draw(t, "offset")
		length := rapid.IntRange(0, len(b.content)-offset).Draw(t, "length")
		got, err := read(s, b.id, key, int64(offset), int64(length))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, b.content[offset:offset+length]) {
			t.Fatalf("%d bytes from %d of %d differ", length, offset, len(b.content))
		}
		r, err := s.Open(b.id, key, int64(offset), int64(length))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if rapid.Bool().Draw(t, "prime") {
			if err := r.Prime(); err != nil {
				t.Fatal(err)
			}
		}
		var out bytes.Buffer
		if n, err := r.WriteTo(&out); err != nil || n != int64(length) || !bytes.Equal(out.Bytes(), got) {
			t.Fatalf("WriteTo of %d bytes from %d of %d: %d, %v", length, offset, len(b.content), n, err)
		}
	})
	for _, b := range blobs {
		r, err := s.Open(b.id, key, 0, int64(len(b.content)))
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if _, err := r.WriteTo(&out); err != nil || !bytes.Equal(out.Bytes(), b.content) {
			t.Errorf("WriteTo of %d bytes: %v", len(b.content), err)
		}
		_ = r.Close()
		if _, err := read(s, b.id, key, 0, int64(len(b.content))+1); !errors.Is(err, ErrCorrupt) {
			t.Errorf("reading past the end of %d bytes: %v", len(b.content), err)
		}
	}
}

// Whatever is done to a file, reading all of it fails.
func TestDamageIsFound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, key := newStore(t, dir), newKey()
	const size = 2*segmentSize + 100
	damages := map[string]func(*testing.T, string){
		"first bit":      func(t *testing.T, p string) { edit(t, p, func(b []byte) []byte { b[0] ^= 1; return b }) },
		"last bit":       func(t *testing.T, p string) { edit(t, p, func(b []byte) []byte { b[len(b)-1] ^= 0x80; return b }) },
		"cut in segment": func(t *testing.T, p string) { edit(t, p, func(b []byte) []byte { return b[:len(b)-1] }) },
		"cut at segment": func(t *testing.T, p string) { edit(t, p, func(b []byte) []byte { return b[:2*sealedSize] }) },
		"empty":          func(t *testing.T, p string) { edit(t, p, func([]byte) []byte { return nil }) },
		"longer":         func(t *testing.T, p string) { edit(t, p, func(b []byte) []byte { return append(b, 0) }) },
		"swapped": func(t *testing.T, p string) {
			edit(t, p, func(b []byte) []byte {
				return append(append(bytes.Clone(b[sealedSize:2*sealedSize]), b[:sealedSize]...), b[2*sealedSize:]...)
			})
		},
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id := write(t, s, key, pattern(size), size)
			damage(t, s.path(id))
			if got, err := read(s, id, key, 0, size); !errors.Is(err, ErrCorrupt) {
				t.Errorf("read %d bytes, error %v", len(got), err)
			}
		})
	}
	t.Run("cut to whole segments, and read as what is left", func(t *testing.T) {
		t.Parallel()
		id := write(t, s, key, pattern(size), size)
		edit(t, s.path(id), func(b []byte) []byte { return b[:2*sealedSize] })
		if _, err := read(s, id, key, 0, 2*segmentSize); !errors.Is(err, ErrCorrupt) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("wrong key", func(t *testing.T) {
		t.Parallel()
		id := write(t, s, key, pattern(10), 10)
		if _, err := read(s, id, newKey(), 0, 10); !errors.Is(err, ErrCorrupt) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("under another name", func(t *testing.T) {
		t.Parallel()
		content := pattern(smallMax + 1)
		a, b := write(t, s, key, content, len(content)), write(t, s, key, content, len(content))
		if err := os.Rename(s.path(a), s.path(b)); err != nil {
			t.Fatal(err)
		}
		if _, err := read(s, b, key, 0, 10); !errors.Is(err, ErrCorrupt) {
			t.Errorf("error %v", err)
		}
	})
}

// A single flipped bit anywhere is found by a range that touches its segment.
func TestFlippedBit(t *testing.T) {
	t.Parallel()
	s, key := newStore(t, t.TempDir()), newKey()
	const size = segmentSize + 1000
	id := write(t, s, key, pattern(size), size)
	whole, err := os.ReadFile(s.path(id))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.IntRange(0, len(whole)-1).Draw(t, "byte")
		damaged := bytes.Clone(whole)
		damaged[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if err := os.WriteFile(s.path(id), damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := read(s, id, key, 0, size); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("error %v", err)
		}
	})
}

func edit(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(raw), 0o600); err != nil {
		t.Fatal(err)
	}
}

// What a process leaves that dies before Commit or before the record is gone after
// the next start, and nothing else is.
func TestCrash(t *testing.T) {
	t.Parallel()
	dir, key := t.TempDir(), newKey()
	s := newStore(t, dir)
	kept := write(t, s, key, []byte("kept"), 4)
	content := pattern(smallMax + 1)
	keptFile := write(t, s, key, content, len(content))
	lost := write(t, s, key, []byte("not recorded"), 4)
	lostFile := write(t, s, key, content, len(content))
	w, err := s.Create(key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(pattern(3 * segmentSize)); err != nil {
		t.Fatal(err)
	}
	if _, err := read(s, w.id, key, 0, 2*segmentSize); !errors.Is(err, ErrCorrupt) {
		t.Errorf("an unfinished blob passes for a whole one: %v", err)
	}
	if _, err := s.spares.take(); err != nil {
		t.Fatal(err)
	}
	// The process dies here, but for what it is making at the moment.
	s.Close()
	s = openStore(t, dir, s.db)
	removed, err := s.Sweep(func(id ID) bool { return id == kept || id == keptFile })
	if err != nil || removed != 4 {
		t.Errorf("swept %d, %v", removed, err)
	}
	if got, err := read(s, kept, key, 0, 4); err != nil || string(got) != "kept" {
		t.Errorf("kept: %q, %v", got, err)
	}
	if got, err := read(s, keptFile, key, 0, int64(len(content))); err != nil || !bytes.Equal(got, content) {
		t.Errorf("kept: %d bytes, %v", len(got), err)
	}
	for _, id := range []ID{lost, lostFile} {
		if _, err := read(s, id, key, 0, 1); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("lost: %v", err)
		}
	}
	if n := files(t, dir); n != 1 {
		t.Errorf("%d files left", n)
	}
}

func TestAbortLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := newStore(t, dir)
	w, err := s.Create(newKey())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(pattern(segmentSize + 1)); err != nil {
		t.Fatal(err)
	}
	w.Abort()
	w.Abort()
	if _, err := w.Write([]byte{1}); err == nil {
		t.Error("wrote after Abort")
	}
	if _, err := w.Commit(); err == nil {
		t.Error("committed after Abort")
	}
	s.Close()
	if w, err = s.Create(newKey()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(pattern(2 * segmentSize)); err == nil {
		t.Error("began a file after Close")
	}
	w.Abort()
	if n := files(t, dir); n != 0 {
		t.Errorf("%d files left", n)
	}
}

// A blob that is removed while it is held stays readable until the last release.
func TestHold(t *testing.T) {
	t.Parallel()
	s, key := newStore(t, t.TempDir()), newKey()
	id := write(t, s, key, []byte("x"), 1)
	first, second := s.Hold(id), s.Hold(id)
	if err := s.Remove(id); err != nil {
		t.Fatal(err)
	}
	first()
	first()
	if _, err := read(s, id, key, 0, 1); err != nil {
		t.Errorf("held: %v", err)
	}
	second()
	if _, err := read(s, id, key, 0, 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("released: %v", err)
	}
	if err := s.Remove(id); err != nil {
		t.Errorf("removing what is gone: %v", err)
	}
}

// Nothing of the content is in the file.
func TestContentIsEncrypted(t *testing.T) {
	t.Parallel()
	s := newStore(t, t.TempDir())
	secret := bytes.Repeat([]byte("managedcas"), smallMax/10+1)
	raw, err := os.ReadFile(s.path(write(t, s, newKey(), secret, 1000)))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, secret[:10]) || len(raw) != len(secret)+tagSize {
		t.Errorf("%d bytes: %q", len(raw), raw)
	}
}

func TestMasterKey(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key")
	m, err := OpenMasterKey(file)
	if err != nil {
		t.Fatal(err)
	}
	key, wrapped := m.NewDataKey("arn:aws:s3:::b/k")
	again, err := OpenMasterKey(file)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Unwrap(wrapped, "arn:aws:s3:::b/k"); err != nil || !bytes.Equal(got, key) {
		t.Errorf("unwrap: %v", err)
	}
	if _, err := again.Unwrap(wrapped, "arn:aws:s3:::b/other"); !errors.Is(err, ErrCorrupt) {
		t.Errorf("another context: %v", err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(file, key[:5], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenMasterKey(file); err == nil {
		t.Error("a damaged key was accepted")
	}
}

func TestForeignNames(t *testing.T) {
	t.Parallel()
	s := newStore(t, t.TempDir())
	for _, id := range []ID{"", "..", "../../etc/passwd", "unknown", "ABCDEF0123456789abcdef0123456789", "00"} {
		if _, err := s.Open(id, newKey(), 0, 0); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// files counts the files under dir.
func files(t *testing.T, dir string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func BenchmarkWrite(b *testing.B) {
	s := newStore(b, b.TempDir())
	key, content := newKey(), pattern(1<<20)
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		_ = s.Remove(write(b, s, key, content, 64<<10))
	}
}
