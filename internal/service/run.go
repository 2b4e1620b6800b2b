// Package service is the frame of a server process: its configuration, its log, its
// listeners, and the order in which things start and stop.
package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc"
)

// drainTimeout is how long requests in flight may take to finish after the process
// was told to stop. Kubernetes waits 30 s before it kills.
const drainTimeout = 20 * time.Second

// Task is one thing that a process does until its context ends. Run returns nil when
// it ended because it was told to.
type Task struct {
	Name string
	Run  func(ctx context.Context) error
}

// Run runs all tasks at once and stops all of them when ctx ends or one fails. It
// returns when every task has returned, with the failures joined.
func Run(ctx context.Context, log *slog.Logger, tasks ...Task) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		failed error
	)
	for _, task := range tasks {
		wg.Go(func() {
			err := task.Run(ctx)
			if err == nil || ctx.Err() != nil && errors.Is(err, context.Canceled) {
				return
			}
			log.LogAttrs(ctx, slog.LevelError, "task failed; stopping", slog.String("task", task.Name), slog.Any("error", err))
			mu.Lock()
			failed = errors.Join(failed, fmt.Errorf("%s: %w", task.Name, err))
			mu.Unlock()
			stop()
		})
	}
	wg.Wait()
	return failed
}

// Background runs tasks that others need before Run and after it. The function that it
// returns stops them, waits for them, and returns what failed. Unlike Run's tasks it
// goes on when ctx ends: whoever depends on it stops first.
func Background(ctx context.Context, log *slog.Logger, tasks ...Task) (stop func() error) {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- Run(own, log, tasks...) }()
	return func() error {
		cancel()
		return <-ended
	}
}

// HTTP serves handler on listener. Header and idle times are bounded here, and how long
// a client may stand still; handlers bound the size of bodies. Without a listener it only
// waits. What net/http has to say goes to log.
func HTTP(name string, log *slog.Logger, listener net.Listener, handler http.Handler) Task {
	return Task{name, func(ctx context.Context) error {
		if listener == nil {
			<-ctx.Done()
			return nil
		}
		server := &http.Server{
			Handler:           patient(handler, standStill),
			ReadHeaderTimeout: 10 * time.Second,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    64 << 10,
			ErrorLog:          complaints(log),
		}
		ended := make(chan error, 1)
		go func() { ended <- server.Serve(listener) }()
		select {
		case err := <-ended:
			return err
		case <-ctx.Done():
		}
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		if err := server.Shutdown(drain); err != nil {
			return errors.Join(fmt.Errorf("requests were still running after %s", drainTimeout), server.Close())
		}
		return nil
	}}
}

// Web serves handler where a role listens for HTTP, and /metrics where it listens for that: one
// task, for a server that drains goes on telling how it is.
func Web(log *slog.Logger, listeners Opened, handler http.Handler) Task {
	if listeners.Metrics == nil {
		return HTTP("http", log, listeners.HTTP, handler)
	}
	rest, metrics := apart(handler)
	return Task{"web", func(ctx context.Context) error {
		return Run(ctx, log, HTTP("http", log, listeners.HTTP, rest), HTTP("metrics", log, listeners.Metrics, metrics))
	}}
}

// GRPC serves server on listener. Without a listener it only waits.
func GRPC(name string, listener net.Listener, server *grpc.Server) Task {
	return Task{name, func(ctx context.Context) error {
		if listener == nil {
			<-ctx.Done()
			return nil
		}
		ended := make(chan error, 1)
		go func() { ended <- server.Serve(listener) }()
		select {
		case err := <-ended:
			return err
		case <-ctx.Done():
		}
		force := time.AfterFunc(drainTimeout, server.Stop)
		defer force.Stop()
		server.GracefulStop()
		return nil
	}}
}
