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
	"syscall"
	"time"
)

// dev is a managedcasd dev process, in a process group of its own: Ctrl-C reaches the
// demo alone, which ends it.
type dev struct {
	program string
	dir     string
	cmd     *exec.Cmd
	ended   chan struct{} // closed when the process is gone
	err     error         // of its end; read after ended
	ready   ready
}

// ready is the part of the ready file that the demo uses.
type ready struct {
	Controlplane struct{ GRPC, HTTP string }
	CAS          struct{ GRPC, HTTP string }
	AWS          struct {
		Endpoint, Region, AccountID, AccessKeyID, SecretAccessKey string
	}
	Installation struct {
		BucketName, KMSKeyARN, BaseRoleName, BaseRoleARN, APPrefix, SessionPolicyPrefix string
	}
	Workloads  map[string]struct{ CredentialsURL, AuthorizationToken, RoleARN string }
	AdminToken string
}

func (d *dev) logFile() string { return filepath.Join(d.dir, "dev.log") }

// start runs the process and waits for its ready file.
func (d *dev) start(ctx context.Context) error {
	log, err := os.Create(d.logFile())
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own
	file := filepath.Join(d.dir, "ready.json")
	d.cmd = exec.Command(d.program, "dev", "--data", filepath.Join(d.dir, "data"), "--ready-file", file)
	d.cmd.Stderr = log
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := d.cmd.Start(); err != nil {
		d.cmd = nil
		return fmt.Errorf("starting %s (run make build first): %w", d.program, err)
	}
	d.ended = make(chan struct{})
	go func() {
		d.err = d.cmd.Wait()
		close(d.ended)
	}()
	return d.awaitReady(ctx, file)
}

func (d *dev) awaitReady(ctx context.Context, file string) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		text, err := os.ReadFile(file)
		if err == nil {
			return json.Unmarshal(text, &d.ready)
		}
		if !errors.Is(err, os.ErrNotExist) {
			return err
		}
		select {
		case <-d.ended:
			return unexpected("managedcasd dev", "a ready file", fmt.Sprintf("it ended: %v", d.err))
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// wait returns when ctx ends; with an error when the process does before.
func (d *dev) wait(ctx context.Context) error {
	select {
	case <-d.ended:
		return fmt.Errorf("managedcasd dev ended: %v", d.err)
	case <-ctx.Done():
		return nil
	}
}

// stop asks the process to end and expects that it does so in order.
func (d *dev) stop() error {
	if err := d.signal(syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	const grace = 2 * time.Minute
	select {
	case <-d.ended:
		if d.err != nil {
			return unexpected("managedcasd dev after SIGTERM", "a clean end", d.err.Error())
		}
		return nil
	case <-time.After(grace):
		return unexpected("managedcasd dev after SIGTERM", "its end", "it still runs after "+grace.String())
	}
}

// kill ends the process if it still runs.
func (d *dev) kill() {
	if d.cmd == nil {
		return
	}
	select {
	case <-d.ended:
	default:
		_ = d.signal(syscall.SIGKILL)
		<-d.ended
	}
}

func (d *dev) signal(s syscall.Signal) error {
	return syscall.Kill(-d.cmd.Process.Pid, s)
}

// lastWords are the last lines of the log, empty when there is none.
func (d *dev) lastWords() string {
	const lines, bytesPerLine = 20, 400
	text, err := os.ReadFile(d.logFile())
	if err != nil {
		return ""
	}
	all := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	var out strings.Builder
	for _, line := range all[max(0, len(all)-lines):] {
		fmt.Fprintf(&out, "  %s\n", line[:min(len(line), bytesPerLine)])
	}
	return out.String()
}
