// Package state is the metadata store of the embedded AWS: JSON values in named
// tables of one embedded database (bbolt), durable when Update returns.
package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"go.etcd.io/bbolt"
)

// ErrNotFound is returned by Get for a key that is not there.
var ErrNotFound = errors.New("no such item")

// DB is an open store. It is safe for concurrent use.
type DB struct {
	bolt   *bbolt.DB
	writes group
	shared *lru.Cache[place, decoded]
}

// Open opens or creates the store in file. A second process on the same file is
// refused after a second instead of waiting for ever.
func Open(file string) (*DB, error) {
	b, err := bbolt.Open(file, 0o600, &bbolt.Options{
		Timeout: time.Second, FreelistType: bbolt.FreelistMapType,
		NoFreelistSync: true, // less to write in each commit; Open looks for the free pages instead
	})
	if err != nil {
		return nil, fmt.Errorf("opening %s (is another process using it?): %w", file, err)
	}
	return &DB{bolt: b, writes: group{bolt: b}, shared: newShared()}, nil
}

// Close closes the store. What it stored is safe whatever the error is.
func (db *DB) Close() error { return errors.Join(db.unchanged(), db.bolt.Close()) }

// Tx is a transaction. It must not be kept after its function returns.
type Tx struct {
	tx     *bbolt.Tx
	shared *lru.Cache[place, decoded]
}

// View runs fn in a read-only snapshot.
func (db *DB) View(fn func(Tx) error) error {
	return db.bolt.View(func(tx *bbolt.Tx) error { return fn(Tx{tx, db.shared}) })
}

// Update runs fn in a write transaction: all of it is on disk when Update returns
// nil, none of it otherwise. Concurrent Updates are committed in groups (one fsync
// for several), so fn may run more than once and must have no other effect.
func (db *DB) Update(fn func(Tx) error) error {
	return db.writes.update(func(tx *bbolt.Tx) error { return fn(Tx{tx, db.shared}) })
}

// Table is a named set of values of one type. Declare one per kind of thing:
//
//	var accessPoints = state.Table[AccessPoint]("s3control/access-points")
type Table[V any] string

// Get returns the value of key, or ErrNotFound.
func (t Table[V]) Get(tx Tx, key string) (V, error) {
	raw := t.raw(tx, key)
	if raw == nil {
		var none V
		return none, ErrNotFound
	}
	return t.decode(key, raw)
}

// raw returns what is stored, which ends with the transaction; nil if nothing is.
func (t Table[V]) raw(tx Tx, key string) []byte {
	if b := tx.tx.Bucket([]byte(t)); b != nil {
		return b.Get([]byte(key))
	}
	return nil
}

func (t Table[V]) decode(key string, raw []byte) (v V, err error) {
	if err := json.Unmarshal(raw, &v); err != nil {
		return v, fmt.Errorf("table %s, key %q: %w", string(t), key, err)
	}
	return v, nil
}

// Put stores v under key, replacing what was there.
func (t Table[V]) Put(tx Tx, key string, v V) error {
	b, err := tx.tx.CreateBucketIfNotExists([]byte(t))
	if err != nil {
		return err
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return b.Put([]byte(key), raw)
}

// Delete removes key; a key that is not there is no error.
func (t Table[V]) Delete(tx Tx, key string) error {
	b := tx.tx.Bucket([]byte(t))
	if b == nil {
		return nil
	}
	return b.Delete([]byte(key))
}

// Scan calls fn for the keys ≥ from, in byte order, until fn returns false. A
// caller that wants a prefix stops when the prefix ends.
func (t Table[V]) Scan(tx Tx, from string, fn func(key string, v V) (bool, error)) error {
	b := tx.tx.Bucket([]byte(t))
	if b == nil {
		return nil
	}
	c := b.Cursor()
	for k, raw := c.Seek([]byte(from)); k != nil; k, raw = c.Next() {
		var v V
		if err := json.Unmarshal(raw, &v); err != nil {
			return fmt.Errorf("table %s, key %q: %w", string(t), k, err)
		}
		more, err := fn(string(k), v)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// Count counts the keys that begin with prefix, without reading their values.
func (t Table[V]) Count(tx Tx, prefix string) (n int) {
	b := tx.tx.Bucket([]byte(t))
	if b == nil {
		return 0
	}
	c := b.Cursor()
	for k, _ := c.Seek([]byte(prefix)); k != nil && bytes.HasPrefix(k, []byte(prefix)); k, _ = c.Next() {
		n++
	}
	return n
}

// Bytes is a named set of raw values, for what is too much to go through JSON.
type Bytes string

// Get returns a copy of the value of key, or ErrNotFound.
func (t Bytes) Get(tx Tx, key string) ([]byte, error) {
	if b := tx.tx.Bucket([]byte(t)); b != nil {
		if raw := b.Get([]byte(key)); raw != nil {
			return bytes.Clone(raw), nil
		}
	}
	return nil, ErrNotFound
}

// Put stores raw under key, replacing what was there. It must not be changed before
// the transaction ends.
func (t Bytes) Put(tx Tx, key string, raw []byte) error {
	b, err := tx.tx.CreateBucketIfNotExists([]byte(t))
	if err != nil {
		return err
	}
	return b.Put([]byte(key), raw)
}

// Delete removes key; a key that is not there is no error.
func (t Bytes) Delete(tx Tx, key string) error { return Table[[]byte](t).Delete(tx, key) }

// Keys calls fn for all keys in byte order.
func (t Bytes) Keys(tx Tx, fn func(key string) error) error {
	b := tx.tx.Bucket([]byte(t))
	if b == nil {
		return nil
	}
	return b.ForEach(func(k, _ []byte) error { return fn(string(k)) })
}
