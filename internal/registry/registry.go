// Package registry holds the records of an installation that outlive its processes, beside
// the organizations themselves: who may act in them, where they store, what they have stored
// and attested, and the keys that sign tokens. A database keeps them; auth, controlplane and
// cas work with them; none of these needs to know the other.
package registry

import "errors"

var (
	// ErrNotFound means that no record has the key.
	ErrNotFound = errors.New("no such record")
	// ErrExists means that another record already has the name.
	ErrExists = errors.New("the name is taken")
	// ErrUnavailable means that the store of records does not answer now. The same call
	// may succeed a little later without anybody changing anything.
	ErrUnavailable = errors.New("the store does not answer")
	// ErrRefused means that the store answers, and refuses this process: an operator has
	// to change its configuration or its policies.
	ErrRefused = errors.New("the store refuses")
)
