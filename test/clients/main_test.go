// Package clients runs the programs that people use with S3 against the embedded AWS:
// two generations of the aws CLI, rclone, s3cmd, curl, and AWS's own transfer manager.
// None of them knows what it talks to. What they need to be told is in the "Clients"
// table of docs/embedded-aws.md.
package clients

import (
	"os"
	"testing"

	"github.com/managedcas/managedcas/test/process"
)

// built is the directory of the programs that TestMain has built.
var built string

func TestMain(m *testing.M) { os.Exit(process.Main(m, &built)) }
