package story

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

type daemonKey struct{}

// daemon is the managedcasd process of one story, with its roles if they are processes of
// their own.
type daemon struct {
	cmd   *exec.Cmd
	ended chan error
	ready map[string]any
	roles map[string]*daemon
}

func (d *daemon) kill() {
	if d.cmd == nil {
		return
	}
	_ = d.cmd.Process.Kill()
	<-d.ended
	d.cmd = nil
}

func of(ts *testscript.TestScript) *daemon { return ts.Value(daemonKey{}).(*daemon) }

// logFile is what the daemon of a story wrote, since its last start.
const logFile = "daemon.log"

// startTimeout is generous: ten stories start at once on two cores, with the race
// detector.
const startTimeout = 4 * time.Minute

// cmdDaemon runs "daemon dev [flag...]": it starts managedcasd dev on $WORK/data with its
// log in $WORK/daemon.log, waits for the ready file, and sets the environment for both
// clients and the aws CLI.
func cmdDaemon(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: daemon dev [flag...]")
	}
	d := of(ts)
	if d.cmd != nil {
		ts.Fatalf("a daemon is running already")
	}
	readyFile := ts.MkAbs("ready.json")
	if err := os.Remove(readyFile); err != nil && !os.IsNotExist(err) {
		ts.Fatalf("%v", err) // a killed daemon leaves it behind
	}
	log, err := os.Create(ts.MkAbs(logFile))
	ts.Check(err)
	defer log.Close()
	command := append([]string{args[0], "--data", ts.MkAbs("data"), "--ready-file", readyFile}, args[1:]...)
	d.cmd = exec.Command(filepath.Join(programs, "managedcasd"), command...)
	d.cmd.Stderr = log
	ts.Check(d.cmd.Start())
	d.ended = make(chan error, 1)
	go func(cmd *exec.Cmd) { d.ended <- cmd.Wait() }(d.cmd)
	if err := awaitFile(readyFile, d.ended); err != nil {
		d.kill()
		ts.Fatalf("%v\n%s", err, ts.ReadFile(logFile))
	}
	text, err := os.ReadFile(readyFile)
	ts.Check(err)
	ts.Check(json.Unmarshal(text, &d.ready))
	setEnvironment(ts, d)
}

func awaitFile(file string, ended chan error) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(file); err == nil {
			return nil
		}
		select {
		case err := <-ended:
			ended <- err
			return fmt.Errorf("the daemon ended before it was ready: %v", err)
		case <-ctx.Done():
			return fmt.Errorf("no %s after %s", file, startTimeout)
		case <-tick.C:
		}
	}
}

// value reads a dotted path of the ready file.
func (d *daemon) value(path string) string {
	var v any = d.ready
	for _, key := range strings.Split(path, ".") {
		v = v.(map[string]any)[key]
	}
	return v.(string)
}

func setEnvironment(ts *testscript.TestScript, d *daemon) {
	for name, path := range map[string]string{
		"CHAINLOOP_CONTROL_PLANE_API": "controlplane.grpc",
		"CHAINLOOP_ARTIFACT_CAS_API":  "cas.grpc",
		"CHAINLOOP_TOKEN":             "adminToken",
		"CAS_HTTP":                    "cas.http",
		"CONTROLPLANE_HTTP":           "controlplane.http",
		"AWS_ENDPOINT_URL":            "aws.endpoint",
		"HTTP_PROXY":                  "aws.endpoint",
		"http_proxy":                  "aws.endpoint",
		"AWS_REGION":                  "aws.region",
		"AWS_DEFAULT_REGION":          "aws.region",
		"AWS_ACCESS_KEY_ID":           "aws.accessKeyId",
		"AWS_SECRET_ACCESS_KEY":       "aws.secretAccessKey",
		"ACCOUNT":                     "aws.accountId",
		"BUCKET":                      "installation.bucketName",
		"KEY_ARN":                     "installation.kmsKeyArn",
		"AP_PREFIX":                   "installation.apPrefix",
		"BASE_ROLE_ARN":               "installation.baseRoleArn",
		"BASE_ROLE":                   "installation.baseRoleName",
	} {
		ts.Setenv(name, d.value(path))
	}
	ts.Setenv("CHAINLOOP_API_INSECURE", "true")
	// Only the aws CLI is to use the proxy; Go programs leave loopback alone anyway.
	endpoint, err := url.Parse(d.value("aws.endpoint"))
	ts.Check(err)
	_, port, err := net.SplitHostPort(endpoint.Host)
	ts.Check(err)
	ts.Setenv("AWS_PORT", port)
}

// cmdEnd ends the daemon with SIGTERM and demands a clean end; "end -kill" with
// SIGKILL; "end ROLE" one of its roles.
func cmdEnd(ts *testscript.TestScript, neg bool, args []string) {
	d, log := of(ts), logFile
	if len(args) == 1 && args[0] != "-kill" {
		d, log = d.roles[args[0]], args[0]+".log"
	}
	if d == nil || d.cmd == nil {
		ts.Fatalf("it is not running")
	}
	if len(args) == 1 && args[0] == "-kill" {
		d.kill()
		return
	}
	ts.Check(d.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case err := <-d.ended:
		if err != nil {
			ts.Fatalf("it did not end cleanly: %v\n%s", err, ts.ReadFile(log))
		}
		d.cmd = nil
	case <-time.After(startTimeout):
		ts.Fatalf("it did not end")
	}
}
