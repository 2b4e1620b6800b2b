package cas

import (
	"context"
	"sync"

	"github.com/google/uuid"
)

// writers are the requests of this process that write to a resumable upload: one for
// each. A newer one ends the older one, which may be waiting for a client that is long
// somewhere else. Between processes the generation of the record does the same.
type writers struct {
	mu    sync.Mutex
	seats map[uuid.UUID]*seat
}

// seat is the right to write. What the one who has it sends goes through do.
type seat struct {
	mu     sync.Mutex
	lost   bool
	calls  sync.WaitGroup
	cancel context.CancelCauseFunc
}

// enter takes the seat of an upload. When it returns, whoever had it has nothing on its
// way any more. The context ends, with ErrTaken as its cause, when the seat is lost.
func (w *writers) enter(ctx context.Context, id uuid.UUID) (seated context.Context, mine *seat, leave func()) {
	seated, cancel := context.WithCancelCause(ctx)
	mine = &seat{cancel: cancel}
	mine.calls.Add(1) // the next one waits for the one before as well
	defer mine.calls.Done()
	w.mu.Lock()
	before := w.seats[id]
	w.seats[id] = mine
	w.mu.Unlock()
	if before != nil {
		before.lose()
	}
	return seated, mine, func() {
		cancel(nil)
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.seats[id] == mine {
			delete(w.seats, id)
		}
	}
}

func (s *seat) lose() {
	s.mu.Lock()
	s.lost = true
	s.mu.Unlock()
	s.cancel(ErrTaken)
	s.calls.Wait()
}

// do makes a call unless the seat is lost.
func (s *seat) do(call func() error) error {
	s.mu.Lock()
	if s.lost {
		s.mu.Unlock()
		return ErrTaken
	}
	s.calls.Add(1)
	s.mu.Unlock()
	defer s.calls.Done()
	return call()
}
