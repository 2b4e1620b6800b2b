package blob

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// spareBatch is how many empty files are made at once.
const spareBatch = 16

// spares makes the files of blobs ahead of time: in batches in one folder each, so
// that one sync makes many names durable, and beside the requests that will need
// them. Making a file and its name durable costs more than writing 4 KiB into it.
//
// The process that dies leaves some behind; no record names them, so Sweep removes
// them.
type spares struct {
	path    func(ID) string
	waiting sync.Map // ID → struct{}{}: made, and taken by nobody
	ready   chan ID
	failed  chan error
	stop    chan struct{}
	begin   sync.Once
	running sync.WaitGroup
}

func newSpares(path func(ID) string) *spares {
	return &spares{path: path, ready: make(chan ID, spareBatch), failed: make(chan error), stop: make(chan struct{})}
}

// take returns the name of an empty file that nobody else has. The name is durable.
func (s *spares) take() (ID, error) {
	s.begin.Do(func() { s.running.Go(s.run) })
	select {
	case id := <-s.ready:
		s.waiting.Delete(id)
		return id, nil
	default:
	}
	select {
	case id := <-s.ready:
		s.waiting.Delete(id)
		return id, nil
	case err := <-s.failed:
		return "", err
	case <-s.stop:
		return "", errors.New("make a file: the store is closed")
	}
}

// run keeps files ready until the store is closed.
func (s *spares) run() {
	for {
		batch, err := s.make()
		if err != nil {
			select {
			case s.failed <- err: // only to somebody who waits: by the next time the disk may have room
			case <-s.stop:
				return
			}
			continue
		}
		for i, id := range batch {
			select {
			case s.ready <- id:
			case <-s.stop:
				s.remove(batch[i:])
				return
			}
		}
	}
}

func (s *spares) make() (batch []ID, err error) {
	folder := newID()[:2]
	defer func() {
		if err != nil {
			s.remove(batch)
		}
	}()
	for range spareBatch {
		id := folder + newID()[2:]
		s.waiting.Store(id, struct{}{}) // before it can be seen
		file, err := os.OpenFile(s.path(id), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			s.waiting.Delete(id)
			return batch, fmt.Errorf("make a file: %w", err)
		}
		batch = append(batch, id)
		if err := file.Close(); err != nil {
			return batch, fmt.Errorf("make a file: %w", err)
		}
	}
	// POSIX does not promise that syncing a file makes its name durable.
	return batch, syncFolder(filepath.Dir(s.path(batch[0])))
}

// has reports whether a file waits to be taken.
func (s *spares) has(id ID) bool {
	_, waits := s.waiting.Load(id)
	return waits
}

// close ends run and removes what nobody took.
func (s *spares) close() {
	close(s.stop)
	s.begin.Do(func() {}) // from here on nothing begins
	s.running.Wait()
	for {
		select {
		case id := <-s.ready:
			s.remove([]ID{id})
		default:
			return
		}
	}
}

// remove does what it can: the next Sweep does the rest.
func (s *spares) remove(ids []ID) {
	for _, id := range ids {
		_ = os.Remove(s.path(id))
		s.waiting.Delete(id)
	}
}
