// Package clients runs the programs that people use with S3 against the embedded AWS:
// two generations of the aws CLI, rclone, s3cmd, curl, and AWS's own transfer manager.
// None of them knows what it talks to. What they need to be told is in the "Clients"
// table of docs/embedded-aws.md.
package clients

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// managedcasd is the program that TestMain has built.
var managedcasd string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "managedcas-clients-*")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		managedcasd = filepath.Join(dir, "managedcasd")
		if out, err := exec.Command("go", "build", "-o", managedcasd, "../../cmd/managedcasd").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building managedcasd: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}
