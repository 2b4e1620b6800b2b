package blob

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/state"
)

// smallMax is the size of the largest blob that has no file: it is written to the
// database, together with the record that makes it visible, and so costs no file, no
// name and no sync of its own.
const smallMax = 16 << 10

// smallPrefix begins the IDs of such blobs.
const smallPrefix = "small-"

const smalls state.Bytes = "blobs/small"

func (id ID) small() bool { return strings.HasPrefix(string(id), smallPrefix) }

// Content is a blob that is complete and not yet recorded: no start after a crash
// finds it. Record or Drop it.
type Content struct {
	ID     ID
	sealed []byte // of a small blob
	store  *Store
}

// Record makes the blob part of tx, which records that it is in use.
func (c Content) Record(tx state.Tx) error {
	if !c.ID.small() {
		return nil
	}
	return smalls.Put(tx, string(c.ID), c.sealed)
}

// Drop removes a blob that was not recorded.
func (c Content) Drop() error {
	if c.ID.small() {
		return nil
	}
	return c.store.Remove(c.ID)
}

// memory is the sealed form of a small blob to read from.
type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }

func (s *Store) openSmall(id ID) (m memory, err error) {
	err = s.db.View(func(tx state.Tx) error {
		raw, err := smalls.Get(tx, string(id))
		m = memory{bytes.NewReader(raw)}
		return err
	})
	if errors.Is(err, state.ErrNotFound) {
		err = fmt.Errorf("blob %s: %w", id, fs.ErrNotExist)
	}
	return m, err
}

func (s *Store) removeSmall(ids []ID) error {
	if len(ids) == 0 {
		return nil
	}
	return s.db.Update(func(tx state.Tx) error {
		for _, id := range ids {
			if err := smalls.Delete(tx, string(id)); err != nil {
				return err
			}
		}
		return nil
	})
}

// sweepSmall is Sweep for small blobs: what it finds was in use and is not any more.
func (s *Store) sweepSmall(live func(ID) bool) (removed int, err error) {
	var gone []ID
	err = s.db.View(func(tx state.Tx) error {
		return smalls.Keys(tx, func(key string) error {
			if !live(ID(key)) {
				gone = append(gone, ID(key))
			}
			return nil
		})
	})
	if err != nil {
		return 0, err
	}
	return len(gone), s.removeSmall(gone)
}
