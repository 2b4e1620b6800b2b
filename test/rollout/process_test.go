package rollout

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/managedcas/managedcas/test/process"
)

// start runs managedcasd with nothing in its environment but what is given.
func start(t *testing.T, programs string, environment []string, args ...string) *process.Process {
	t.Helper()
	if environment == nil {
		environment = []string{}
	}
	return process.Run(t, process.Command{Program: filepath.Join(programs, "managedcasd"), Args: args, Env: environment})
}

// stop tells processes to stop, as Kubernetes does, and wants them to end well.
func stop(t *testing.T, processes ...*process.Process) {
	t.Helper()
	for _, p := range processes {
		must(t, p.Stop())
	}
}

// run executes a program and returns its standard output.
func run(t *testing.T, environment []string, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), process.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = environment
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Fatalf("%s %v: %v\n%s", filepath.Base(program), args, err, exit.Stderr)
	}
	must(t, err)
	return string(out)
}
