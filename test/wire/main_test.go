// Package wire speaks to managedcasd as the stock client does, with nothing generated:
// requests are written and answers read field by field, by the numbers of facts WIRE. A
// number that moves, or a field that goes missing which that client reads unchecked, is
// red here.
package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
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
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "managedcas-wire-*")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		stop, err := start(dir)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		code := m.Run()
		if err := stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
		return code
	}())
}

// start builds and runs managedcasd dev, and returns when it is ready.
func start(dir string) (stop func() error, err error) {
	program, ready := filepath.Join(dir, "managedcasd"), filepath.Join(dir, "ready.json")
	if out, err := exec.Command("go", "build", "-o", program, "../../cmd/managedcasd").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building managedcasd: %w\n%s", err, out)
	}
	daemon.data = filepath.Join(dir, "data")
	var log bytes.Buffer
	cmd := exec.Command(program, "dev", "--data", daemon.data, "--ready-file", ready, "--max-artifact-bytes", fmt.Sprint(maxArtifact))
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stop = sync.OnceValue(func() error {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-ended:
			if err != nil {
				return fmt.Errorf("managedcasd ended with %w\n%s", err, &log)
			}
			return nil
		case <-time.After(time.Minute):
			return errors.Join(errors.New("managedcasd did not end"), cmd.Process.Kill())
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err = await(ctx, func() (bool, error) {
		text, err := os.ReadFile(ready)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil, errors.Join(err, json.Unmarshal(text, &daemon))
	})
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	return stop, nil
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
