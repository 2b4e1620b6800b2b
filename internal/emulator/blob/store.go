// Package blob keeps object bytes on disk, encrypted and durable.
//
// A blob is written once, under a random name, and never changed. It is on disk when
// Commit returns, but only a record elsewhere makes it visible: a blob that no
// record names, because the process died in between, is removed by Sweep.
package blob

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/managedcas/managedcas/internal/emulator/state"
)

// ID names a blob: 32 random hex digits, which are a file's name, with a prefix if the
// blob is small and has no file.
type ID string

// folders is how many sub-folders share the files, so that none grows very long: one
// for each value of an ID's first byte.
const folders = 256

// Store is a folder of blobs, and a table of the small ones. It is safe for concurrent
// use.
type Store struct {
	dir    string
	db     *state.DB
	spares *spares

	mu        sync.Mutex
	held      map[ID]int
	condemned map[ID]bool // removed, as soon as nobody holds them

	pairs atomic.Int32 // readers that read ahead
}

// Open opens or creates the store in dir and db. No other process may use dir.
func Open(dir string, db *state.DB) (*Store, error) {
	s := &Store{dir: dir, db: db, held: map[ID]int{}, condemned: map[ID]bool{}}
	for i := range folders {
		if err := os.MkdirAll(filepath.Join(dir, hex.EncodeToString([]byte{byte(i)})), 0o700); err != nil {
			return nil, fmt.Errorf("make the folder of blobs: %w", err)
		}
	}
	s.spares = newSpares(s.path)
	return s, syncFolder(dir)
}

// Close removes the files that were made ahead of time. Blobs can still be read, and
// those that are being written can be finished; none can be begun.
func (s *Store) Close() { s.spares.close() }

// Sweep removes the blobs that live does not name, and so what writers of an earlier
// process left unfinished. Run it before the first writer: a blob that is not yet
// recorded would go too.
func (s *Store) Sweep(live func(ID) bool) (removed int, err error) {
	err = filepath.WalkDir(s.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		id := ID(entry.Name())
		if path != s.path(id) || live(id) || s.spares.has(id) {
			return nil // not a blob, or one in use or about to be
		}
		removed++
		return os.Remove(path)
	})
	if err != nil {
		return removed, fmt.Errorf("sweep blobs: %w", err)
	}
	small, err := s.sweepSmall(live)
	return removed + small, err
}

// Hold keeps blobs readable although they are removed, until release is called.
// Whoever finds blobs in a record must hold them and then look whether the record is
// still there: what was removed before Hold is gone.
func (s *Store) Hold(ids ...ID) (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		s.held[id]++
	}
	return sync.OnceFunc(func() { s.release(ids) })
}

func (s *Store) release(ids []ID) {
	var gone []ID
	s.mu.Lock()
	for _, id := range ids {
		if s.held[id]--; s.held[id] > 0 {
			continue
		}
		delete(s.held, id)
		if s.condemned[id] {
			delete(s.condemned, id)
			gone = append(gone, id)
		}
	}
	s.mu.Unlock()
	// A file that cannot be removed stays for the next sweep; nobody can reach it.
	_ = s.unlink(gone)
}

// Remove removes blobs, those that are held when they are released. A blob that is
// not there is no error.
func (s *Store) Remove(ids ...ID) error {
	var gone []ID
	s.mu.Lock()
	for _, id := range ids {
		if s.held[id] > 0 {
			s.condemned[id] = true
			continue
		}
		gone = append(gone, id)
	}
	s.mu.Unlock()
	return s.unlink(gone)
}

func (s *Store) unlink(ids []ID) error {
	var failed error
	var small []ID
	for _, id := range ids {
		if id.small() {
			small = append(small, id)
			continue
		}
		if err := os.Remove(s.path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = errors.Join(failed, err)
		}
	}
	return errors.Join(failed, s.removeSmall(small))
}

// path returns where a blob lies; for what is not the name of a blob, a path at
// which no blob lies.
func (s *Store) path(id ID) string {
	if !id.valid() {
		return ""
	}
	return filepath.Join(s.dir, string(id[:2]), string(id))
}

func (id ID) valid() bool {
	raw, err := hex.DecodeString(string(id))
	return err == nil && len(raw) == 16 && hex.EncodeToString(raw) == string(id)
}

func newID() ID {
	var raw [16]byte
	rand.Read(raw[:]) // never fails: https://pkg.go.dev/crypto/rand#Read
	return ID(hex.EncodeToString(raw[:]))
}

// syncFolder makes the names in a folder durable.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open folder to sync it: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	return nil
}
