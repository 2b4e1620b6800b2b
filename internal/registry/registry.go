// Package registry holds the records of an installation that outlive its
// processes, beside the organizations themselves: storage backends, API tokens and
// signing keys. A database keeps them; auth and controlplane work with them; none
// of these needs to know the other.
package registry

import "errors"

var (
	// ErrNotFound means that no record has the key.
	ErrNotFound = errors.New("no such record")
	// ErrExists means that another record already has the name.
	ErrExists = errors.New("the name is taken")
)
