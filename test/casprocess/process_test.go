// Package casprocess runs the real cas, as a process of its own, against an embedded AWS
// that holds its calls, and kills it there or tells it to stop. Where it is held is known,
// not guessed: nothing here waits for time to pass.
package casprocess

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/managedcas/managedcas/test/sources"
)

// program is the managedcasd that TestMain built.
var program string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "casprocess-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "managedcasd")
	if out, err := exec.Command("go", "build", "-o", program, "../../cmd/managedcasd").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build managedcasd: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// process is a running `managedcasd cas`.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
	code  int // once it has ended; -1: killed
	log   *log
	at    struct{ GRPC, HTTP string }
	conn  *grpc.ClientConn
}

// start runs the cas and waits until it is ready.
func (s *scene) start(t *testing.T) *process {
	t.Helper()
	sources.Note(t)
	ready := filepath.Join(t.TempDir(), "ready.json")
	p := &process{ended: make(chan struct{}), log: &log{}}
	p.cmd = exec.Command(program, "cas", "--config", s.config, "--ready-file", ready)
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, s.environment...)
	p.cmd.Stderr = p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		err := p.cmd.Wait()
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			p.code = exit.ExitCode()
		} else if err != nil {
			p.code = -1
		}
		close(p.ended)
	}()
	t.Cleanup(p.kill)
	deadline, tick := time.After(time.Minute), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for p.at.HTTP == "" {
		if raw, err := os.ReadFile(ready); err == nil {
			_ = json.Unmarshal(raw, &p.at) // half of it is not ready
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not ready after a minute:\n%s", p.log)
		case <-p.ended:
			t.Fatalf("ended before it was ready:\n%s", p.log)
		}
	}
	var err error
	if p.conn, err = grpc.NewClient(p.at.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.conn.Close() })
	return p
}

// kill ends the process at once, wherever it is, and waits until it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL) // dead already is fine
	<-p.ended
}

func (p *process) terminate(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// log may be written by the process while the test reads.
type log struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
