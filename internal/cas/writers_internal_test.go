package cas

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/google/uuid"
)

// A take-over that has to wait for the older writer's call ends with its own request, and
// whoever comes next still waits for that call.
func TestTakeOverMayGiveUp(t *testing.T) {
	t.Parallel()
	w, id := writers{seats: map[uuid.UUID]*seat{}}, uuid.New()
	_, older, leave, err := w.enter(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	calling, answer := make(chan struct{}), make(chan struct{})
	var call sync.WaitGroup
	call.Go(func() {
		if err := older.do(func() error { close(calling); <-answer; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-calling
	ctx, giveUp := context.WithCancel(t.Context())
	giveUp()
	for _, who := range []string{"the second", "the third"} {
		if _, _, _, err := w.enter(ctx, id); !errors.Is(err, context.Canceled) {
			t.Errorf("%s did not wait: %v", who, err)
		}
		leave()
	}
	close(answer)
	_, _, leave, err = w.enter(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	call.Wait()
	leave()
	if len(w.seats) > 0 {
		t.Errorf("%d seats are left", len(w.seats))
	}
}
