package directory

import (
	"errors"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/state"
)

// Collection is a table of records whose changes propagate with a delay. Keys are
// names and are compared without regard to case, as IAM does.
type Collection[V any] string

// The collections. Versions are keyed by VersionKey, the others by name.
const (
	Roles    Collection[Role]    = "iam/roles"
	Users    Collection[User]    = "iam/users"
	Policies Collection[Policy]  = "iam/policies"
	Versions Collection[Version] = "iam/policy-versions"
)

// revision is a record's value from a point in time on; nil means deleted.
type revision[V any] struct {
	Value     *V        `json:"value,omitempty"`
	Effective time.Time `json:"effective"`
}

// history is the revisions of a record, oldest first: the last one that is in
// effect, and those that are still propagating.
type history[V any] []revision[V]

// Get returns the record of that name, or ErrNotFound. That of a Replica is shared and
// must not be changed: the services read the same few at every request.
func (c Collection[V]) Get(tx Tx, name string) (V, error) {
	read := c.table().Get
	if tx.replica {
		read = c.table().Shared
	}
	h, err := read(tx.state, strings.ToLower(name))
	if err != nil {
		var none V
		return none, err
	}
	return h.seen(tx)
}

// Put stores a record under its name.
func (c Collection[V]) Put(tx Tx, name string, v V) error {
	return c.append(tx, name, &v)
}

// Delete removes the record of that name; one that is not there is no error.
func (c Collection[V]) Delete(tx Tx, name string) error {
	return c.append(tx, name, nil)
}

// Scan calls fn for the records whose names are ≥ from, in order, until fn returns
// false.
func (c Collection[V]) Scan(tx Tx, from string, fn func(name string, v V) (bool, error)) error {
	return c.table().Scan(tx.state, strings.ToLower(from), func(key string, h history[V]) (bool, error) {
		v, err := h.seen(tx)
		if errors.Is(err, ErrNotFound) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		return fn(key, v)
	})
}

// Count returns the number of records. It is kept, not counted: quotas are checked
// at every creation.
func (c Collection[V]) Count(tx Tx) (int, error) {
	n, err := counts.Get(tx, string(c))
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	return n, err
}

func (c Collection[V]) table() state.Table[history[V]] { return state.Table[history[V]](c) }

func (c Collection[V]) append(tx Tx, name string, v *V) error {
	key := strings.ToLower(name)
	h, err := c.table().Get(tx.state, key)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if err := c.recount(tx, h.live(), v != nil); err != nil {
		return err
	}
	if v == nil && tx.delay <= 0 {
		return c.table().Delete(tx.state, key)
	}
	next := revision[V]{Value: v, Effective: tx.now.Add(max(tx.delay, 0))}
	return c.table().Put(tx.state, key, append(h.pending(tx.now), next))
}

func (c Collection[V]) recount(tx Tx, before, after bool) error {
	if before == after {
		return nil
	}
	n, err := c.Count(tx)
	if err != nil {
		return err
	}
	if after {
		n++
	} else {
		n--
	}
	return counts.Put(tx, string(c), n)
}

// live reports whether the newest revision is a record.
func (h history[V]) live() bool { return len(h) > 0 && h[len(h)-1].Value != nil }

// pending drops the revisions that nobody can see any more.
func (h history[V]) pending(now time.Time) history[V] {
	for i := len(h) - 1; i > 0; i-- {
		if !h[i].Effective.After(now) {
			return h[i:]
		}
	}
	return h
}

// seen returns the value that the transaction sees. A newer revision that is in
// effect hides an older one that is not: the delay may have been shortened between
// the two.
func (h history[V]) seen(tx Tx) (V, error) {
	for i := len(h) - 1; i >= 0; i-- {
		if tx.replica && h[i].Effective.After(tx.now) {
			continue
		}
		if h[i].Value == nil {
			break
		}
		return *h[i].Value, nil
	}
	var none V
	return none, ErrNotFound
}
