//go:build long

package tofu

import (
	"os"
	"sync"
	"testing"
)

var openTofu = sync.OnceValues(func() (string, error) {
	return build(tools, "tofu", "github.com/opentofu/opentofu/cmd/tofu")
})

// program is what TOFU says, or OpenTofu, built from the source that tools/tofu names.
func program(t *testing.T) string {
	t.Helper()
	if named := os.Getenv("TOFU"); named != "" {
		return named
	}
	file, err := openTofu()
	must(t, err)
	return file
}
