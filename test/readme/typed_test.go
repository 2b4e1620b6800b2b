package readme

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// servers are commands that do not end, or that need an AWS account.
var servers = regexp.MustCompile(`^(make|bin/managedcasd (dev|provision|backend|controlplane|cas)) `)

// What can be typed is typed, in the README's order, against a dev of its own.
func TestWhatCanBeTypedWorks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Symlink(programs, filepath.Join(dir, "bin")); err != nil {
		t.Fatal(err)
	}
	text := read(t, "README.md")
	write(t, filepath.Join(dir, "README.md"), text)
	write(t, filepath.Join(dir, "managedcas.yaml"), blocks(t, "yaml")[0])
	ready := startDev(t, dir)

	var script []string
	for _, line := range lines(t) {
		if !servers.MatchString(line + " ") {
			script = append(script, line)
		}
	}
	// Tests have no fixed ports; people at a shell may.
	commands := strings.NewReplacer("127.0.0.1:4601", ready.Controlplane.GRPC, "127.0.0.1:4603", ready.CAS.GRPC).
		Replace(strings.Join(script, "\n"))
	cmd := exec.CommandContext(t.Context(), "sh", "-eux", "-c", commands)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "copy.md")); err != nil || string(got) != text {
		t.Errorf("copy.md is not README.md (%v)", err)
	}
}

type ready struct {
	Controlplane, CAS struct{ GRPC string }
}

// startDev runs dev as the README does, on free ports, and waits until it is ready.
func startDev(t *testing.T, dir string) ready {
	t.Helper()
	file := filepath.Join(dir, "ready.json")
	var log strings.Builder
	cmd := exec.Command(filepath.Join(programs, "managedcasd"), "dev", "--data", "dev", "--ports", "0", "--ready-file", file)
	cmd.Dir, cmd.Stderr = dir, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Log(log.String())
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		text, err := os.ReadFile(file)
		if err == nil {
			var r ready
			if err := json.Unmarshal(text, &r); err != nil {
				t.Fatal(err)
			}
			return r
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("dev ended before it was ready: %v", err)
		case <-ctx.Done():
			t.Fatal("dev is not ready")
		case <-tick.C:
		}
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
