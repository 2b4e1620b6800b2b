// Package sources is for tests of programs that their TestMain has built.
package sources

import (
	"io/fs"
	"path/filepath"
	"testing"
)

// Note looks at every directory that the programs are built from. "go test" keeps a
// result until something that a test looked at changes, and knows nothing of what TestMain
// built: every test that runs a program has to call it. It is for packages two levels below
// the module's root.
func Note(t testing.TB) {
	t.Helper()
	for _, root := range []string{"../../cmd", "../../internal", "../../proto"} {
		if err := filepath.WalkDir(root, func(_ string, _ fs.DirEntry, err error) error { return err }); err != nil {
			t.Fatal(err)
		}
	}
}
