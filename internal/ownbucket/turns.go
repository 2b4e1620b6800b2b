package ownbucket

import (
	"errors"
	"sync"

	"github.com/managedcas/managedcas/internal/org"
)

// ErrBusy: a validation of the organization is under way, or those of as many organizations
// as may be. Nothing was tried.
var ErrBusy = errors.New("other validations are under way")

// maxAsked is how many organizations may have a validation at a time that somebody asked for.
const maxAsked = 16

// turns give each organization one validation at a time. Every one takes AssumeRole calls
// out of the account's quota, which all organizations share (facts AWS §4.7): whoever asks
// again and again must not have them all.
type turns struct {
	mu   sync.Mutex
	busy map[org.ID]bool
}

// take returns how to give the turn back, or ErrBusy.
func (t *turns) take(id org.ID) (leave func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.busy[id] || len(t.busy) == maxAsked {
		return nil, ErrBusy
	}
	t.busy[id] = true
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.busy, id)
	}, nil
}
