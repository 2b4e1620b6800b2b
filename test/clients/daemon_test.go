package clients

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// endpoint is a running embedded AWS and its root user.
type endpoint struct {
	URL             string `json:"endpoint"`
	Region          string `json:"region"`
	AccountID       string `json:"accountId"`
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
}

// host is the address without a scheme, as s3cmd wants it.
func (e endpoint) host(t *testing.T) string {
	t.Helper()
	u, err := url.Parse(e.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// patience is generous: several programs start at once on few cores.
const patience = time.Minute

// serve runs "managedcasd aws" until the test ends, which it must do cleanly.
func serve(t *testing.T) endpoint {
	t.Helper()
	dir := t.TempDir()
	ready := filepath.Join(dir, "ready.json")
	var log bytes.Buffer
	cmd := exec.Command(managedcasd, "aws", "--listen", "127.0.0.1:0", "--data", filepath.Join(dir, "data"), "--ready-file", ready)
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("managedcasd ended with %v\n%s", err, &log)
			}
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			t.Error("managedcasd did not end")
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	file := struct{ AWS endpoint }{}
	if err := await(ctx, func() (done bool, err error) {
		text, err := os.ReadFile(ready)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil && json.Unmarshal(text, &file) == nil, err
	}); err != nil {
		t.Fatalf("managedcasd is not ready: %v", err)
	}
	return file.AWS
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
