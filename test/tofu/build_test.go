package tofu

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// tools is the module of OpenTofu and of what stands in for its provider.
const tools = "../../tools/tofu"

// workshop is where programs that tests need are built.
var workshop string

func TestMain(m *testing.M) { os.Exit(inWorkshop(m)) }

func inWorkshop(m *testing.M) int {
	var err error
	if workshop, err = os.MkdirTemp("", "tofu-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(workshop)
	return m.Run()
}

// build builds a program of the module in a directory.
func build(module, name, pkg string) (string, error) {
	file := filepath.Join(workshop, name)
	cmd := exec.Command("go", "build", "-C", module, "-o", file, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return file, nil
}
