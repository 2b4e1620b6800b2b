//go:build !long

package tofu

import (
	"os"
	"os/exec"
	"testing"
)

// program is OpenTofu or Terraform, where the environment (TOFU) or the PATH has one; "" where
// not: then the modules have been evaluated in Go alone. make test-long builds OpenTofu.
func program(t *testing.T) string {
	t.Helper()
	if named := os.Getenv("TOFU"); named != "" {
		return named
	}
	for _, name := range []string{"tofu", "terraform"} {
		if found, err := exec.LookPath(name); err == nil {
			return found
		}
	}
	t.Log("there is no tofu here: set TOFU, or run make test-long, which builds one")
	return ""
}
