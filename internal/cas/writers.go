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
// Whoever gives up waiting has lost the seat, and those who come next wait on.
func (w *writers) enter(ctx context.Context, id uuid.UUID) (seated context.Context, mine *seat, leave func(), err error) {
	seated, cancel := context.WithCancelCause(ctx)
	taken := &seat{cancel: cancel}
	taken.calls.Add(1) // the next one waits for the one before as well
	w.mu.Lock()
	before := w.seats[id]
	w.seats[id] = taken
	w.mu.Unlock()
	vacant := make(chan struct{})
	go func() {
		defer close(vacant)
		defer taken.calls.Done()
		if before != nil {
			before.lose()
		}
	}()
	rise := func() {
		cancel(nil)
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.seats[id] == taken {
			delete(w.seats, id)
		}
	}
	select {
	case <-vacant:
		return seated, taken, rise, nil
	case <-ctx.Done():
		go func() { <-vacant; rise() }()
		return nil, nil, nil, ctx.Err()
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
