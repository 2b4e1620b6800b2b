package service_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/managedcas/managedcas/internal/service"
)

var quiet = slog.New(slog.DiscardHandler)

func TestRunStopsEverythingWhenOneFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	stopped := make(chan struct{})
	err := service.Run(t.Context(), quiet,
		service.Task{Name: "patient", Run: func(ctx context.Context) error { <-ctx.Done(); close(stopped); return ctx.Err() }},
		service.Task{Name: "broken", Run: func(context.Context) error { return broken }},
	)
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "broken: ") {
		t.Errorf("error %v", err)
	}
	select {
	case <-stopped:
	default:
		t.Error("Run returned before its tasks")
	}
}

func TestHTTPFinishesWhatIsInFlight(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	entered, release := make(chan struct{}), make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ended <- service.Run(ctx, quiet, service.HTTP("http", quiet, listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(entered)
			<-release
			_, _ = io.WriteString(w, "done")
		})))
	}()
	answer := make(chan string, 1)
	go func() {
		resp, err := http.Get("http://" + listener.Addr().String())
		if err != nil {
			answer <- err.Error()
			return
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		answer <- string(text)
	}()
	<-entered
	stop()
	close(release)
	if got := <-answer; got != "done" {
		t.Errorf("the request in flight got %q", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("the server ended with %v", err)
	}
	closed(t, listener)
}

// closed checks that a listener is closed. Its port may be somebody else's by now.
func closed(t *testing.T, listener net.Listener) {
	t.Helper()
	if err := listener.(*net.TCPListener).SetDeadline(time.Time{}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the port is still open: %v", err)
	}
}

func TestListenersLeaveNothingOpen(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	var left error
	for range 10 { // somebody else may have the port meanwhile: not ten times
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := free.Addr().String()
		free.Close()
		if _, err := service.Listeners(service.Listen{HTTP: address, GRPC: taken.Addr().String()}); err == nil || !strings.Contains(err.Error(), "change listen.grpc") {
			t.Fatalf("a taken address was opened, or nobody is told what to change: %v", err)
		}
		again, err := net.Listen("tcp", address)
		if err == nil {
			again.Close()
			return
		}
		left = err
	}
	t.Errorf("the other listener was left open: %v", left)
}

// TestFailingChecksAreExplained: why a check fails is in the log, once a minute, and that it
// works again.
func TestFailingChecksAreExplained(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		failure := errors.New("no key under the mat")
		check := service.Explained(slog.New(slog.NewTextHandler(&log, nil)), "door", func(context.Context) error { return failure })
		for range 61 {
			if err := check(t.Context()); !errors.Is(err, failure) {
				t.Fatalf("check: %v", err)
			}
			time.Sleep(time.Second)
		}
		if n := strings.Count(log.String(), "no key under the mat"); n != 2 {
			t.Errorf("%d lines in a minute and a second, want 2:\n%s", n, &log)
		}
		failure = nil
		if err := check(t.Context()); err != nil || !strings.Contains(log.String(), "works again") {
			t.Errorf("works again: %v\n%s", err, &log)
		}
	})
}

func TestReadinessNamesWhatFails(t *testing.T) {
	t.Parallel()
	handler := service.Health("v1", map[string]service.Check{
		"database":   func(context.Context) error { return errors.New("secret detail") },
		"reconciler": func(context.Context) error { return nil },
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop := service.Background(t.Context(), quiet, service.HTTP("http", quiet, listener, handler))
	defer stop()
	for path, want := range map[string]struct {
		status int
		text   string
	}{
		"/healthz": {200, "ok"}, "/infoz": {200, "v1"}, "/readyz": {503, `"failing":["database"]`}, "/metrics": {200, "go_goroutines"},
	} {
		resp, err := http.Get("http://" + listener.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != want.status || !strings.Contains(string(text), want.text) || strings.Contains(string(text), "secret") {
			t.Errorf("%s: %d %s", path, resp.StatusCode, text)
		}
	}
}

// A server that is told to stop refuses, waits, and only then closes its port.
func TestDrainedInOrder(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	refusing, left := make(chan struct{}), make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ended <- service.Run(ctx, quiet, service.Drained("cas", quiet, service.Drain{
			Refuse: func(context.Context) { close(refusing); <-left },
			Grace:  time.Minute,
		}, service.HTTP("http", quiet, listener, http.NotFoundHandler())))
	}()
	stop()
	<-refusing
	resp, err := http.Get("http://" + listener.Addr().String())
	if err != nil {
		t.Fatalf("while it drains: %v", err)
	}
	resp.Body.Close()
	close(left)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	closed(t, listener)
}
