// Package login signs people in as they do it: with processes of both programs, and dex as
// the operator's OpenID provider.
package login

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// programs is the directory of the programs that TestMain built.
var programs string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	var err error
	if programs, err = os.MkdirTemp("", "login-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(programs)
	for _, build := range [][]string{
		{"build", "-o", programs + "/", "../../cmd/..."},
		// Its storage here is memory: without C, it has no SQLite.
		{"build", "-C", "../../tools/dex", "-o", filepath.Join(programs, "dex"), "github.com/dexidp/dex/cmd/dex"},
	} {
		cmd := exec.Command("go", build...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go %v: %v\n%s", build, err, out)
			return 1
		}
	}
	return m.Run()
}
