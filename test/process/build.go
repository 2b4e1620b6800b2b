package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Main is what TestMain needs: it builds the project's programs into a directory, which it
// tells programs, runs the tests, and returns the exit code. Flags are those of "go build".
// It is for packages two levels below the module's root.
func Main(m *testing.M, programs *string, flags ...string) int {
	return With(func(dir string) int {
		*programs = dir
		return m.Run()
	}, flags...)
}

// With is Main for a package that has more to do than its tests.
func With(run func(programs string) int, flags ...string) int {
	dir, err := os.MkdirTemp("", "programs-")
	if err != nil {
		return Failure(err)
	}
	defer os.RemoveAll(dir)
	if err := Build(dir, "../..", append(flags, "./cmd/...")...); err != nil {
		return Failure(err)
	}
	return run(dir)
}

// Failure says what went wrong before the tests, and returns the exit code for it.
func Failure(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// Build builds programs of a module into a directory, given as an absolute path. The
// arguments are those of "go build": flags, then packages.
func Build(dir, module string, arguments ...string) error {
	build := exec.Command("go", append([]string{"build", "-o", dir + string(filepath.Separator)}, arguments...)...)
	build.Dir = module
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", build.Args, err, out)
	}
	return nil
}
