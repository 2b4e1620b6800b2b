package rollout

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a process may take: tests of other packages run beside.
const patience = 2 * time.Minute

// output is what a process writes, for those who read it meanwhile.
type output struct {
	mu sync.Mutex
	b  strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// process is a running managedcasd.
type process struct {
	name   string
	cmd    *exec.Cmd
	stderr output
	ended  chan struct{}
	err    error // once it has ended
}

// start runs managedcasd with nothing in its environment but what is given.
func start(t *testing.T, programs string, environment []string, args ...string) *process {
	t.Helper()
	p := &process{name: args[0], ended: make(chan struct{})}
	p.cmd = exec.Command(filepath.Join(programs, "managedcasd"), args...)
	p.cmd.Env, p.cmd.Stderr = environment, &p.stderr
	must(t, p.cmd.Start())
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may have ended
		<-p.ended
		if t.Failed() {
			t.Logf("%s:\n%s", p.name, p.stderr.String())
		}
	})
	return p
}

// await waits for the ready file of the process and reads it.
func (p *process) await(t *testing.T, file string, into any) {
	t.Helper()
	deadline, tick := time.After(patience), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for {
		if text, err := os.ReadFile(file); err == nil && json.Unmarshal(text, into) == nil {
			return
		}
		select {
		case <-tick.C:
		case <-p.ended:
			t.Fatalf("%s ended before it was ready: %v", p.name, p.err)
		case <-deadline:
			t.Fatalf("%s is not ready after %s", p.name, patience)
		}
	}
}

// stop tells processes to stop, as Kubernetes does, and wants them to end well.
func stop(t *testing.T, processes ...*process) {
	t.Helper()
	for _, p := range processes {
		must(t, p.cmd.Process.Signal(syscall.SIGTERM))
	}
	deadline := time.After(patience)
	for _, p := range processes {
		select {
		case <-p.ended:
			if p.err != nil {
				t.Errorf("%s ended with %v", p.name, p.err)
			}
		case <-deadline:
			t.Fatalf("%s did not end", p.name)
		}
	}
}

// run executes a program and returns its standard output.
func run(t *testing.T, environment []string, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = environment
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Fatalf("%s %v: %v\n%s", filepath.Base(program), args, err, exit.Stderr)
	}
	must(t, err)
	return string(out)
}
