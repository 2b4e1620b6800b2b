package awscloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
)

// defaultStall is how long AWS may take nothing of a body, or give nothing of one. A
// connection that only looks alive (a peer that is gone without a word, a middlebox that
// has forgotten it) is noticed by nothing else: the operating system resends for a quarter
// of an hour, and a reader that sends nothing waits for ever.
const defaultStall = 30 * time.Second

// errStalled is not a context's error, although it ends one: the request may be repeated.
var errStalled = fmt.Errorf("%w: the body stood still", cloud.ErrUnavailable)

// Timer is what a Stall needs of a time.Timer.
type Timer interface {
	Reset(d time.Duration) bool
	Stop() bool
}

// Stall is how long AWS may take nothing of an object that is sent, or give nothing of one
// that is read, before the request counts as broken.
type Stall struct {
	After time.Duration // 0: 30 s
	// AfterFunc measures it; nil: time.AfterFunc.
	AfterFunc func(time.Duration, func()) Timer
}

func (s Stall) withDefaults() Stall {
	if s.After == 0 {
		s.After = defaultStall
	}
	if s.AfterFunc == nil {
		s.AfterFunc = func(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }
	}
	return s
}

// watch ends the context of a request whose body stands still.
type watch struct {
	stall   time.Duration
	timer   Timer
	cancel  context.CancelCauseFunc
	stalled atomic.Bool
}

// watched returns a context for one request, and its watch, which is not yet on.
func watched(ctx context.Context, stall Stall) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watch{stall: stall.After, cancel: cancel}
	w.timer = stall.AfterFunc(stall.After, func() {
		w.stalled.Store(true)
		cancel(errStalled)
	})
	w.timer.Stop()
	return ctx, w
}

func (w *watch) on()  { w.timer.Reset(w.stall) }
func (w *watch) off() { w.timer.Stop() }

// end stops the watch and ends the context.
func (w *watch) end() {
	w.off()
	w.cancel(nil)
}

// explain says of an error that it was the watch that caused it. What a context's end
// looks like must not be taken for the client's going away.
func (w *watch) explain(err error) error {
	if err != nil && !errors.Is(err, io.EOF) && w.stalled.Load() {
		return errStalled
	}
	return err
}

// fromAWS is the body of an answer; the watch is on while somebody waits for it.
type fromAWS struct {
	io.ReadCloser
	watch *watch
}

func (b fromAWS) Read(p []byte) (int, error) {
	b.watch.on()
	n, err := b.ReadCloser.Read(p)
	b.watch.off()
	return n, b.watch.explain(err)
}

func (b fromAWS) Close() error {
	defer b.watch.end()
	return b.ReadCloser.Close()
}

// toAWS is the body of a request. The watch is on while nobody asks for more of it: how
// long its owner takes to have more is not AWS's doing.
type toAWS struct {
	body  io.Reader
	watch *watch
	left  atomic.Int64
}

func (b *toAWS) Read(p []byte) (int, error) {
	b.watch.off()
	n, err := b.body.Read(p)
	switch left := b.left.Add(int64(-n)); {
	case left <= 0: // what is left is the last write, and the answer
		b.watch.timer.Reset(b.watch.stall + answerTimeout)
	case err == nil:
		b.watch.on()
	}
	return n, err
}

// againToAWS is a toAWS that another try can begin again.
type againToAWS struct {
	*toAWS
	seeker io.Seeker
	size   int64
}

func (b againToAWS) Seek(offset int64, whence int) (int64, error) {
	b.watch.off()
	at, err := b.seeker.Seek(offset, whence)
	if err == nil && whence == io.SeekStart {
		b.left.Store(b.size - at)
	}
	return at, err
}

// stallTries is how often a body that can be sent again is, when it stood still.
const stallTries = 3

// sending has do send body while it is watched.
func sending(ctx context.Context, stall Stall, body io.Reader, size int64, do func(context.Context, io.Reader) error) error {
	seeker, again := body.(io.Seeker)
	for try := 1; ; try++ {
		watchedCtx, w := watched(ctx, stall)
		sent := &toAWS{body: body, watch: w}
		sent.left.Store(size)
		lent := io.Reader(sent)
		if again {
			lent = againToAWS{sent, seeker, size}
		}
		err := w.explain(do(watchedCtx, lent))
		w.end()
		if !errors.Is(err, errStalled) || !again || try == stallTries {
			return err
		}
		if _, spent := seeker.Seek(0, io.SeekStart); spent != nil {
			return err
		}
	}
}
