package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// managedcas runs the command line client as somebody at a shell would, and returns
// what it printed. Connection and token are in its environment.
func (d *demo) managedcas(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(d.bin, "managedcas"), args...)
	cmd.Env = append(os.Environ(),
		"CHAINLOOP_CONTROL_PLANE_API="+d.dev.ready.Controlplane.GRPC,
		"CHAINLOOP_ARTIFACT_CAS_API="+d.dev.ready.CAS.GRPC,
		"CHAINLOOP_API_INSECURE=true",
		"CHAINLOOP_TOKEN="+d.dev.ready.AdminToken,
	)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), commandError{args, err, strings.TrimSpace(stderr.String())}
	}
	return stdout.String(), nil
}

// managedcasJSON runs the client with -o json and decodes what it printed into v.
func (d *demo) managedcasJSON(ctx context.Context, v any, args ...string) error {
	out, err := d.managedcas(ctx, append(args, "-o", "json")...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(out), v); err != nil {
		return unexpected("managedcas "+strings.Join(args, " "), "JSON", out)
	}
	return nil
}

// show runs the client and prints command and output.
func (d *demo) show(ctx context.Context, args ...string) (string, error) {
	out, err := d.managedcas(ctx, args...)
	if err != nil {
		return out, err
	}
	d.out.command(append([]string{"managedcas"}, args...), out)
	return out, nil
}

// commandError is a client that ended with an exit code other than 0.
type commandError struct {
	args   []string
	err    error
	stderr string
}

func (e commandError) Error() string {
	return fmt.Sprintf("managedcas %s: %v\n%s", strings.Join(e.args, " "), e.err, e.stderr)
}

func (e commandError) Unwrap() error { return e.err }

// exitCode returns that of the client behind err; 0 when err is not about one.
func exitCode(err error) int {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return 0
	}
	return exit.ExitCode()
}
