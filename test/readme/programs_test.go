// Package readme keeps README.md and docs/cli.md true: what they say can be typed, and
// does what they say.
package readme

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/test/process"
)

// root is the project's directory, seen from here.
const root = "../.."

// programs is where TestMain has built managedcas and managedcasd.
var programs string

func TestMain(m *testing.M) { os.Exit(process.Main(m, &programs)) }

// help returns what a command says of itself. Variables that would show up as
// defaults are taken out of its environment.
func help(t *testing.T, program string, subcommand ...string) string {
	t.Helper()
	cmd := exec.Command(filepath.Join(programs, program), append(subcommand, "--help")...)
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "CHAINLOOP_") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s --help: %v\n%s", program, strings.Join(subcommand, " "), err, out)
	}
	return string(out)
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
