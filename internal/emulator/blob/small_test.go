package blob

import (
	"bytes"
	"errors"
	"io/fs"
	"testing"

	"github.com/managedcas/managedcas/internal/emulator/state"
)

// Up to smallMax there is no file, and what is in the database is encrypted.
func TestSmallBlobs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, key := newStore(t, dir), newKey()
	content := bytes.Repeat([]byte("managedcas-small"), smallMax/16)
	id := write(t, s, key, content, 1000)
	s.Close()
	if n := files(t, dir); n != 0 {
		t.Errorf("%d files", n)
	}
	var sealed []byte
	if err := s.db.View(func(tx state.Tx) (err error) {
		sealed, err = smalls.Get(tx, string(id))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if len(sealed) != smallMax+tagSize || bytes.Contains(sealed, content[:8]) {
		t.Errorf("%d bytes, or in the clear", len(sealed))
	}
	for at := 0; at < len(sealed); at += 997 {
		damaged := bytes.Clone(sealed)
		damaged[at] ^= 1
		if err := s.db.Update(func(tx state.Tx) error { return smalls.Put(tx, string(id), damaged) }); err != nil {
			t.Fatal(err)
		}
		if _, err := read(s, id, key, 0, smallMax); !errors.Is(err, ErrCorrupt) {
			t.Errorf("byte %d: %v", at, err)
		}
	}
}

// A small blob that was not recorded never was.
func TestSmallBlobDropped(t *testing.T) {
	t.Parallel()
	s, key := newStore(t, t.TempDir()), newKey()
	w, err := s.Create(key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	b, err := w.Commit()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Drop(); err != nil {
		t.Error(err)
	}
	if _, err := read(s, b.ID, key, 0, 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it can be read: %v", err)
	}
}

func TestRawValues(t *testing.T) {
	t.Parallel()
	db := newStore(t, t.TempDir()).db
	const table state.Bytes = "test/raw"
	if err := db.View(func(tx state.Tx) error { _, err := table.Get(tx, "a"); return err }); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("no table: %v", err)
	}
	if err := db.Update(func(tx state.Tx) error {
		return errors.Join(table.Put(tx, "a", []byte{0, 1}), table.Put(tx, "b", nil), table.Delete(tx, "b"), table.Delete(tx, "c"))
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.View(func(tx state.Tx) error {
		got, err := table.Get(tx, "a")
		if err != nil || !bytes.Equal(got, []byte{0, 1}) {
			t.Errorf("%x, %v", got, err)
		}
		return table.Keys(tx, func(key string) error {
			if key != "a" {
				t.Errorf("key %q", key)
			}
			return nil
		})
	}); err != nil {
		t.Error(err)
	}
}
