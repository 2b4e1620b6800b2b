// Package process builds programs and runs them beside a test: it keeps what they write,
// waits for their ready files, and ends them.
package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/managedcas/managedcas/test/sources"
)

// Patience is how long a process may take to start or to end: others compute beside it.
const Patience = 2 * time.Minute

// glance is the time between two looks at what is waited for.
const glance = 10 * time.Millisecond

// Command is a program to run.
type Command struct {
	Program string
	Args    []string
	Env     []string // nil: that of this process
	Dir     string   // empty: that of this process
}

// Process is a program that was started. Its methods may be called from several goroutines.
type Process struct {
	Stdout, Stderr Output

	name  string
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // once it has ended
}

// Start runs a program. Whoever starts it has to Kill it.
func Start(c Command) (*Process, error) {
	p := &Process{name: filepath.Base(c.Program), cmd: exec.Command(c.Program, c.Args...), ended: make(chan struct{})}
	if len(c.Args) > 0 {
		p.name += " " + c.Args[0]
	}
	p.cmd.Env, p.cmd.Dir = c.Env, c.Dir
	p.cmd.Stdout, p.cmd.Stderr = &p.Stdout, &p.Stderr
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// Run starts one of the project's programs until the test ends, which shows what the
// program wrote if it fails. It is for packages two levels below the module's root.
func Run(t testing.TB, c Command) *Process {
	t.Helper()
	sources.Note(t)
	p, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("%s:\n%s", p.name, &p.Stderr)
		}
	})
	return p
}

// Ended is closed when the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Err is how the process ended; nil for exit code 0, and until it has ended.
func (p *Process) Err() error {
	if p.hasEnded() {
		return p.err
	}
	return nil
}

// ErrEnded: the process ended while something else was waited for.
var ErrEnded = errors.New("it ended")

// Await waits until done says so. What the process wrote is in the error.
func (p *Process) Await(ctx context.Context, what string, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for {
		ended := p.hasEnded() // before the last look
		switch yes, err := done(); {
		case yes:
			return nil
		case err != nil:
			return fmt.Errorf("%s: %s: %w", p.name, what, err)
		case ended:
			return fmt.Errorf("%s: %s: %w: %v\n%s", p.name, what, ErrEnded, p.Err(), &p.Stderr)
		}
		select {
		case <-p.ended:
		case <-ctx.Done():
			return fmt.Errorf("%s: %s: %w\n%s", p.name, what, ctx.Err(), &p.Stderr)
		case <-tick.C:
		}
	}
}

func (p *Process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// Ready waits for the ready file of the process and reads it.
func (p *Process) Ready(ctx context.Context, file string, into any) error {
	return p.Await(ctx, "waiting for "+filepath.Base(file), func() (bool, error) {
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		return true, json.Unmarshal(text, into)
	})
}

// MustBeReady is Ready in a test.
func (p *Process) MustBeReady(t testing.TB, file string, into any) {
	t.Helper()
	if err := p.Ready(t.Context(), file, into); err != nil {
		t.Fatal(err)
	}
}

// Signal sends a signal; to a process that has ended that is an error.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Stop tells the process to stop, as Kubernetes does, and returns how it ended.
func (p *Process) Stop() error {
	if err := p.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.ended:
		return p.err
	case <-time.After(Patience):
		p.Kill()
		return fmt.Errorf("%s did not end within %s of SIGTERM", p.name, Patience)
	}
}

// Kill ends the process at once, wherever it is, and waits until it is gone. One that has
// ended is left alone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// PID is the number of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }
