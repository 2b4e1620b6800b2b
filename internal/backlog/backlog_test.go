package backlog_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/managedcas/managedcas/internal/backlog"
)

// Items and promised places share one bound, and a place that was promised is there.
func TestPlacesThatArePromised(t *testing.T) {
	t.Parallel()
	q := backlog.New[int](3)
	if !q.Reserve() || !q.Push(1) || !q.Reserve() || q.Push(2) || q.Reserve() {
		t.Fatal("three places are not three")
	}
	q.Fill(3)
	q.Release()
	if q.Reserved() != 0 || !q.Push(4) || q.Push(5) {
		t.Error("a place was lost, or made")
	}
	q.Insist(6)
	if got := q.First(9); !slices.Equal(got, []int{1, 3, 4, 6}) || q.Len() != 4 {
		t.Errorf("%v", got)
	}
	if got := q.Take(); !slices.Equal(got, []int{1, 3, 4, 6}) || q.Len() != 0 || !q.Push(7) {
		t.Errorf("%v was taken", got)
	}
}

var errAway = errors.New("away")

// A batch that fails is tried again, whole and before what came later; batches have their
// pause; at the end everything is written without one.
func TestBatchesComeInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := backlog.New[int](100)
		ctx, stop := context.WithCancel(t.Context())
		began := time.Now()
		var written []int
		var at []time.Duration
		failures := 0
		w := backlog.Writing{Batch: 2, Gather: time.Hour, Attempt: time.Second, Drain: time.Second, Retry: time.Millisecond,
			Failed: func(context.Context, int, error) { failures++ }}
		for i := range 5 {
			q.Push(i)
		}
		ended := make(chan int)
		go func() {
			ended <- backlog.Run(ctx, w, q, func(_ context.Context, batch []int) error {
				if failures < 3 {
					return errAway
				}
				written, at = append(written, batch...), append(at, time.Since(began).Truncate(time.Hour))
				return nil
			})
		}()
		time.Sleep(90 * time.Minute)
		q.Push(5)
		stop()
		if left := <-ended; left != 0 {
			t.Errorf("%d are left", left)
		}
		if !slices.Equal(written, []int{0, 1, 2, 3, 4, 5}) || !slices.Equal(at, []time.Duration{0, time.Hour, time.Hour}) || failures != 3 {
			t.Errorf("%v at %v, %d failures", written, at, failures)
		}
	})
}

// What cannot be written at the end is left, and said to be.
func TestDrainingEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := backlog.New[int](100)
		q.Push(1)
		q.Push(2)
		ctx, stop := context.WithCancel(t.Context())
		stop()
		began := time.Now()
		w := backlog.Writing{Batch: 1, Attempt: time.Hour, Drain: 5 * time.Second, Retry: time.Millisecond}
		left := backlog.Run(ctx, w, q, func(ctx context.Context, _ []int) error { <-ctx.Done(); return ctx.Err() })
		if took := time.Since(began); left != 2 || took < 5*time.Second || took > 6*time.Second {
			t.Errorf("%d are left after %s", left, took)
		}
	})
}
