package readme

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/test/process"
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
	p := process.Run(t, process.Command{
		Program: filepath.Join(programs, "managedcasd"), Dir: dir,
		Args: []string{"dev", "--data", "dev", "--ports", "0", "--ready-file", file},
	})
	var at ready
	p.MustBeReady(t, file, &at)
	return at
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
