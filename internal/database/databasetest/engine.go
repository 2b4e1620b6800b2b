package databasetest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// engineVariable names the engine of a run that MainOnEach started.
const engineVariable = "DATABASETEST_ENGINE"

// longestRun is how long the second process of MainOnEach may take: less than the time that
// make test gives a package, so that one that hangs is heard of.
const longestRun = 20 * time.Minute

// MainOnEach is Main for packages all of whose tests run on each engine: those that the
// tests get from Fresh are SQLite files here, and databases of PostgreSQL in a second
// process of the same test binary beside it. Two calls of m.Run would be simpler; the
// testing package panics at the second when go test caches results (testlog.SetLogger).
func MainOnEach(m *testing.M, migrate func(ctx context.Context, target string) error) {
	if os.Getenv(engineVariable) != "" || !runsTests(os.Args[1:]) {
		Main(m, migrate)
	}
	var beside sync.WaitGroup
	var output bytes.Buffer
	var failed error
	beside.Go(func() {
		runtime.LockOSThread() // the signal of endingWithParent comes when this thread ends
		ctx, cancel := context.WithTimeout(context.Background(), longestRun)
		defer cancel()
		self := exec.CommandContext(ctx, os.Args[0], forAnother(os.Args[1:])...)
		self.Cancel = func() error { return self.Process.Signal(syscall.SIGQUIT) } // it says where it stood
		self.WaitDelay = waitDelay
		self.Env = append(os.Environ(), engineVariable+"=postgres")
		self.Stdout, self.Stderr = &output, &output
		self.SysProcAttr = endingWithParent(syscall.SysProcAttr{})
		failed = self.Run()
	})
	code := run(m, migrate)
	beside.Wait()
	if failed != nil {
		fmt.Fprintf(os.Stderr, "%s\ndatabasetest: on PostgreSQL: %v\n", output.Bytes(), failed)
		code = max(code, 1)
	}
	os.Exit(code)
}

// Engine is the engine that this run is on: SQLite, but in the second process of
// MainOnEach.
func Engine() string {
	if engine := os.Getenv(engineVariable); engine != "" {
		return engine
	}
	return "sqlite"
}

// Fresh returns the target of a fresh database of Engine that has the newest schema. Unlike
// Target it needs no Main for SQLite, as fixtures of several packages may not have one.
func Fresh(t testing.TB, migrate func(ctx context.Context, target string) error) string {
	t.Helper()
	if Engine() == "postgres" {
		return Postgres(t)
	}
	return SQLite(t, migrate)
}

// runsTests reports whether a test binary with these arguments runs tests, and nothing
// that must be alone on the machine.
func runsTests(arguments []string) bool {
	for _, a := range arguments {
		for _, other := range []string{"-test.list=", "-test.fuzz=", "-test.bench="} {
			if value, ok := strings.CutPrefix(a, other); ok && value != "" {
				return false
			}
		}
	}
	return true
}

// forAnother leaves out what names files that only one process may write.
func forAnother(arguments []string) []string {
	var kept []string
	for _, a := range arguments {
		name, _, _ := strings.Cut(a, "=")
		if !strings.HasSuffix(name, "profile") && name != "-test.testlogfile" && name != "-test.gocoverdir" && name != "-test.trace" {
			kept = append(kept, a)
		}
	}
	return kept
}
