//go:build long

package tofu

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// built is where program builds OpenTofu, once.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "tofu-")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "tofu")
	cmd := exec.Command("go", "build", "-C", "../../tools/tofu", "-o", file, "github.com/opentofu/opentofu/cmd/tofu")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	return file, cmd.Run()
})

func TestMain(m *testing.M) {
	code := m.Run()
	if file, err := built(); err == nil {
		os.RemoveAll(filepath.Dir(file))
	}
	os.Exit(code)
}

// program is what TOFU says, or OpenTofu, built from the source that tools/tofu names.
func program(t *testing.T) string {
	t.Helper()
	if named := os.Getenv("TOFU"); named != "" {
		return named
	}
	file, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return file
}
