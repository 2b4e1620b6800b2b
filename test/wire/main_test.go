// Package wire speaks to managedcasd as the stock client does, with nothing generated:
// requests are written and answers read field by field, by the numbers of facts WIRE. A
// number that moves, or a field that goes missing which that client reads unchecked, is
// red here.
package wire

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/managedcas/managedcas/test/process"
)

// maxArtifact is small, so that something is too large.
const maxArtifact = 4 << 20

// daemon is managedcasd dev; all tests share one.
var daemon struct {
	Controlplane struct{ GRPC, HTTP string }
	CAS          struct{ GRPC, HTTP string }
	AWS          struct{ Endpoint, Region, AccountID, AccessKeyID, SecretAccessKey string }
	AdminToken   string

	data string // its directory
}

func TestMain(m *testing.M) {
	os.Exit(process.With(func(programs string) int {
		dir, err := os.MkdirTemp("", "managedcas-wire-")
		if err != nil {
			return process.Failure(err)
		}
		defer os.RemoveAll(dir)
		dev, err := start(programs, dir)
		if err != nil {
			return process.Failure(err)
		}
		defer dev.Kill()
		code := m.Run()
		if err := dev.Stop(); err != nil {
			return process.Failure(fmt.Errorf("managedcasd ended with %w\n%s", err, &dev.Stderr))
		}
		return code
	}))
}

// start runs managedcasd dev, and returns when it is ready.
func start(programs, dir string) (*process.Process, error) {
	ready := filepath.Join(dir, "ready.json")
	daemon.data = filepath.Join(dir, "data")
	dev, err := process.Start(process.Command{
		Program: filepath.Join(programs, "managedcasd"),
		Args:    []string{"dev", "--data", daemon.data, "--ready-file", ready, "--max-artifact-bytes", fmt.Sprint(maxArtifact)},
	})
	if err != nil {
		return nil, err
	}
	if err := dev.Ready(context.Background(), ready, &daemon); err != nil {
		dev.Kill()
		return nil, err
	}
	return dev, nil
}

// await asks until the answer is yes or ctx is over.
func await(ctx context.Context, ask func() (bool, error)) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if done, err := ask(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("gave up: %w", ctx.Err())
		case <-tick.C:
		}
	}
}
