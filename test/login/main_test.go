// Package login signs people in as they do it: with processes of both programs, and dex as
// the operator's OpenID provider.
package login

import (
	"os"
	"testing"

	"github.com/managedcas/managedcas/test/process"
)

// programs is the directory of the programs that TestMain built.
var programs string

func TestMain(m *testing.M) {
	os.Exit(process.With(func(dir string) int {
		programs = dir
		// Its storage here is memory: without C, dex has no SQLite.
		if err := os.Setenv("CGO_ENABLED", "0"); err != nil {
			return process.Failure(err)
		}
		if err := process.Build(dir, "../../tools/dex", "github.com/dexidp/dex/cmd/dex"); err != nil {
			return process.Failure(err)
		}
		return m.Run()
	}))
}
