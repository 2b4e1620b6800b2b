package service

import (
	"context"
	"log/slog"
	"time"
)

// Drain is how a server is told to stop, in order: it is not ready any more and refuses
// what is new; who is inside may finish; then the listeners close.
type Drain struct {
	// Refuse returns when nobody is inside any more, or ends who is when ctx ends.
	Refuse func(ctx context.Context)
	// Delay is how long refusals are answered at least. A listener that closes at once
	// fails the clients that load balancers still send.
	Delay time.Duration
	// Grace is how long those inside may take.
	Grace time.Duration
}

// Drained runs servers and, when ctx ends, drains them before it stops them.
func Drained(name string, log *slog.Logger, drain Drain, servers ...Task) Task {
	return Task{name, func(ctx context.Context) error {
		serving, stop := context.WithCancel(context.WithoutCancel(ctx))
		defer stop()
		ended := make(chan error, 1)
		go func() { ended <- Run(serving, log, servers...) }()
		select {
		case err := <-ended:
			return err
		case <-ctx.Done():
		}
		delay := time.NewTimer(drain.Delay)
		defer delay.Stop()
		grace, cancel := context.WithTimeout(serving, drain.Grace)
		defer cancel()
		drain.Refuse(grace)
		select {
		case err := <-ended:
			return err
		case <-delay.C:
		}
		stop()
		return <-ended
	}}
}
