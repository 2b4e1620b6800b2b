package s3api

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/state"
)

// stack is all versions of one key, in one transaction. The newest is in the table of
// objects if it is an object; every other version, and every delete marker, is in
// the history. So listings and conditional writes never meet a delete marker.
type stack struct {
	tx          state.Tx
	bucket, key string
}

// stackAt returns the versions of the call's key.
func stackAt(tx state.Tx, c *call) stack { return stack{tx, c.target.bucket.Name, c.target.key} }

func (st stack) at() string { return objectKey(st.bucket, st.key) }

// current returns the object that requests without a version see, nil for none.
func (st stack) current() (*object, error) {
	o, err := objects.Get(st.tx, st.at())
	switch {
	case errors.Is(err, state.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &o, nil
}

// newest returns the newest version, which may be a delete marker, nil for none.
func (st stack) newest() (o *object, err error) {
	if o, err = st.current(); o != nil || err != nil {
		return o, err
	}
	err = st.old(func(old object) bool {
		o = &old
		return false
	})
	return o, err
}

// find returns a version by its id, nil for none.
func (st stack) find(id string) (o *object, err error) {
	if o, err = st.current(); err != nil || o != nil && o.id() == id {
		return o, err
	}
	o = nil
	err = st.old(func(old object) bool {
		if old.id() == id {
			o = &old
		}
		return o == nil
	})
	return o, err
}

// old calls fn for the versions in the history, newest first, until it returns false.
func (st stack) old(fn func(object) bool) error {
	prefix := historyKey(st.bucket, st.key, "")
	return history.Scan(st.tx, prefix, func(at string, o object) (bool, error) {
		if !strings.HasPrefix(at, prefix) {
			return false, nil
		}
		return fn(o), nil
	})
}

// push records o as the newest version and returns the content that nobody can reach
// any more. Without enabled versioning o is the null version, of which there is one.
func (st stack) push(versioning string, o *object) (gone pieces, err error) {
	newest, err := st.newest()
	if err != nil {
		return nil, err
	}
	last := ""
	if newest != nil {
		last = newest.Order
	}
	o.Order = orderAfter(last, time.Now())
	if versioning == versioningEnabled {
		o.VersionID = newVersionID(o.Order)
	} else if gone, err = st.drop(nullVersion); err != nil {
		return nil, err
	}
	if err := st.shelve(); err != nil {
		return nil, err
	}
	return gone, st.put(*o, true)
}

// shelve moves the current object to the history.
func (st stack) shelve() error {
	o, err := st.current()
	if o == nil || err != nil {
		return err
	}
	return errors.Join(objects.Delete(st.tx, st.at()), st.put(*o, false))
}

// put writes a version to its place.
func (st stack) put(o object, current bool) error {
	if current && !o.Marker {
		return objects.Put(st.tx, st.at(), o)
	}
	o.Order = cmp.Or(o.Order, oldest)
	return history.Put(st.tx, historyKey(st.bucket, st.key, o.Order), o)
}

// drop deletes a version's record and returns its content.
func (st stack) drop(id string) (pieces, error) {
	o, err := st.find(id)
	if o == nil || err != nil {
		return nil, err
	}
	current, err := st.current()
	if err != nil {
		return nil, err
	}
	if current != nil && current.id() == id {
		return o.Pieces, objects.Delete(st.tx, st.at())
	}
	return o.Pieces, history.Delete(st.tx, historyKey(st.bucket, st.key, o.Order))
}

// promote makes the newest version current after one was dropped.
func (st stack) promote() error {
	newest, err := st.newest()
	if newest == nil || newest.Marker || err != nil {
		return err
	}
	return errors.Join(history.Delete(st.tx, historyKey(st.bucket, st.key, newest.Order)), st.put(*newest, true))
}

// deletion is what a request to delete came to.
type deletion struct {
	version        // the marker that was made, or the version that was named
	named   bool   // a version was named, and is gone for good
	gone    pieces // content that nobody can reach any more
}

// delete deletes version id for good or, when id is "", hides the key behind a delete
// marker; a bucket without versions just loses the object.
func (st stack) delete(versioning, id string) (d deletion, err error) {
	switch {
	case id != "":
		o, err := st.find(id)
		if err != nil {
			return d, err
		}
		d = deletion{version: version{VersionID: strings.TrimPrefix(id, nullVersion)}, named: true}
		if o == nil {
			return d, nil // as if it had been there
		}
		d.Marker = o.Marker
		if d.gone, err = st.drop(id); err != nil {
			return d, err
		}
		return d, st.promote()
	case versioning == "":
		d.gone, err = st.drop(nullVersion)
		return d, err
	}
	marker := object{version: version{Marker: true}, Modified: time.Now().UTC()}
	d.gone, err = st.push(versioning, &marker)
	d.version = marker.version
	return d, err
}
