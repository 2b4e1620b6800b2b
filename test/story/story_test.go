// Package story tells what a customer, an operator or an attacker would do, with the
// real programs. Each testdata-like *.txtar file beside this one is a story; README.md
// explains the commands that they use.
package story

import (
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/managedcas/managedcas/test/process"
	"github.com/managedcas/managedcas/test/sources"
)

// programs is where TestMain has built managedcas and managedcasd.
var programs string

func TestMain(m *testing.M) {
	os.Exit(process.With(func(dir string) int {
		programs = dir
		// Stories wait more than they compute: for cycles, for probes, for a disk.
		if err := flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))); err != nil {
			return process.Failure(err)
		}
		return m.Run()
	}, "-race"))
}

func TestStories(t *testing.T) {
	t.Parallel()
	sources.Note(t)
	testscript.Run(t, testscript.Params{
		Dir:                 ".",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", programs+string(filepath.ListSeparator)+env.Getenv("PATH"))
			env.Setenv("HOME", env.WorkDir)
			// The aws CLI asks the instance metadata service and opens a pager otherwise.
			env.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			env.Setenv("AWS_PAGER", "")
			env.Values[daemonKey{}] = &daemon{}
			env.Defer(func() { env.Values[daemonKey{}].(*daemon).kill() })
			return nil
		},
		Cmds: commands,
	})
}

// commands are what stories have beside testscript's own.
var commands = map[string]func(*testscript.TestScript, bool, []string){
	"await":    cmdAwait,
	"bytes":    cmdBytes,
	"cas":      cmdCAS,
	"daemon":   cmdDaemon,
	"digest":   cmdDigest,
	"end":      cmdEnd,
	"exits":    cmdExits,
	"http":     cmdHTTP,
	"journal":  cmdJournal,
	"objects":  cmdObjects,
	"remake":   cmdRemake,
	"roles":    cmdRoles,
	"s3":       cmdS3,
	"session":  cmdSession,
	"setjson":  cmdSetJSON,
	"sql":      cmdSQL,
	"tamper":   cmdTamper,
	"trespass": cmdTrespass,
}

// TestCommandsAreOurs: testscript's own commands come first, so that one of ours with such a
// name is never called. Its "stop" ends a story, successfully.
func TestCommandsAreOurs(t *testing.T) {
	t.Parallel()
	for name := range commands {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			called := false
			t.Cleanup(func() { // after the script
				if !called {
					t.Errorf("%s is testscript's", name)
				}
			})
			script := filepath.Join(t.TempDir(), "one.txtar")
			if err := os.WriteFile(script, []byte(name+" x\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			testscript.Run(t, testscript.Params{Files: []string{script}, Cmds: map[string]func(*testscript.TestScript, bool, []string){
				name: func(*testscript.TestScript, bool, []string) { called = true },
			}})
		})
	}
}
