package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	lru "github.com/hashicorp/golang-lru/v2"
)

// maxShared bounds the decoded values that are kept: the roles, policies, buckets, access
// points and keys that requests ask for at a time, a few KB each.
const maxShared = 2048

// Shared is Get for what every request reads and few change: a value is decoded once and
// then given to everybody who asks, for as long as the stored bytes are the same ones.
// Nobody may change what it points to. Close finds out who did.
func (t Table[V]) Shared(tx Tx, key string) (V, error) {
	raw := t.raw(tx, key)
	if raw == nil {
		var none V
		return none, ErrNotFound
	}
	at := place{string(t), key}
	if kept, ok := tx.shared.Get(at); ok && bytes.Equal(kept.raw, raw) {
		return *kept.value.(*V), nil
	}
	v, err := t.decode(key, raw)
	if err == nil {
		tx.shared.Add(at, decoded{raw: bytes.Clone(raw), value: &v})
	}
	return v, err
}

// place is where a value is stored.
type place struct{ table, key string }

// decoded is a value and the bytes that it was decoded from.
type decoded struct {
	raw   []byte
	value any // a pointer to the value
}

func newShared() *lru.Cache[place, decoded] {
	cache, err := lru.New[place, decoded](maxShared)
	if err != nil {
		panic("state: " + err.Error()) // only a size below 1 is refused
	}
	return cache
}

// unchanged returns an error for every shared value that is not what its bytes say any
// more: somebody wrote to it, and so changed what others were answered.
func (db *DB) unchanged() error {
	var changed []error
	for _, at := range db.shared.Keys() {
		kept, ok := db.shared.Peek(at)
		if !ok {
			continue
		}
		fresh := reflect.New(reflect.TypeOf(kept.value).Elem())
		if err := json.Unmarshal(kept.raw, fresh.Interface()); err != nil || !reflect.DeepEqual(fresh.Interface(), kept.value) {
			changed = append(changed, fmt.Errorf("table %s, key %q: a shared value was changed", at.table, at.key))
		}
	}
	return errors.Join(changed...)
}
