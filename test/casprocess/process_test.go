// Package casprocess runs the real cas, as a process of its own, against an embedded AWS
// that holds its calls, and kills it there or tells it to stop. Where it is held is known,
// not guessed: nothing here waits for time to pass.
package casprocess

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/managedcas/managedcas/test/process"
)

// programs is the directory of the programs that TestMain built.
var programs string

func TestMain(m *testing.M) { os.Exit(process.Main(m, &programs)) }

// running is a `managedcasd cas`.
type running struct {
	*process.Process
	at   struct{ GRPC, HTTP string }
	conn *grpc.ClientConn
}

// start runs the cas and waits until it is ready.
func (s *scene) start(t *testing.T) *running {
	t.Helper()
	ready := filepath.Join(t.TempDir(), "ready.json")
	p := &running{Process: process.Run(t, process.Command{
		Program: filepath.Join(programs, "managedcasd"),
		Args:    []string{"cas", "--config", s.config, "--ready-file", ready},
		Env:     append([]string{"PATH=" + os.Getenv("PATH")}, s.environment...),
	})}
	p.MustBeReady(t, ready, &p.at)
	var err error
	if p.conn, err = grpc.NewClient(p.at.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.conn.Close() })
	return p
}

func (p *running) terminate(t *testing.T) {
	t.Helper()
	if err := p.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}
