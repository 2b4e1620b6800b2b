// Package story tells what a customer, an operator or an attacker would do, with the
// real programs. Each testdata-like *.txtar file beside this one is a story; README.md
// explains the commands that they use.
package story

import (
	"bytes"
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
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// programs is where TestMain has built managedcas and managedcasd.
var programs string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "managedcas-story-*")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		build := exec.Command("go", "build", "-race", "-o", dir+"/", "../../cmd/...")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building the programs: %v\n%s", err, out)
			return 1
		}
		programs = dir
		return m.Run()
	}())
}

func TestStories(t *testing.T) {
	t.Parallel()
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
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"daemon":  cmdDaemon,
			"stop":    cmdStop,
			"http":    cmdHTTP,
			"journal": cmdJournal,
			"session": cmdSession,
			"cas":     cmdCAS,
			"objects": cmdObjects,
			"setjson": cmdSetJSON,
		},
	})
}

type daemonKey struct{}

// daemon is the managedcasd process of one story.
type daemon struct {
	cmd    *exec.Cmd
	ended  chan error
	stderr *bytes.Buffer
	ready  map[string]any
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

// startTimeout is generous: ten stories start at once on two cores, with the race
// detector.
const startTimeout = 90 * time.Second

// cmdDaemon runs "daemon dev [flag...]": it starts managedcasd dev on $WORK/data, waits
// for the ready file, and sets the environment for both clients and the aws CLI.
func cmdDaemon(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: daemon dev [flag...]")
	}
	d := of(ts)
	if d.cmd != nil {
		ts.Fatalf("a daemon is running already")
	}
	readyFile := ts.MkAbs("ready.json")
	d.stderr = &bytes.Buffer{}
	d.cmd = exec.Command(filepath.Join(programs, "managedcasd"), append([]string{args[0], "--data", ts.MkAbs("data"), "--ready-file", readyFile}, args[1:]...)...)
	d.cmd.Stderr = d.stderr
	ts.Check(d.cmd.Start())
	d.ended = make(chan error, 1)
	go func(cmd *exec.Cmd) { d.ended <- cmd.Wait() }(d.cmd)
	if err := awaitFile(readyFile, d.ended); err != nil {
		d.kill()
		ts.Fatalf("%v\n%s", err, d.stderr)
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

// cmdStop ends the daemon with SIGTERM and demands a clean end; "stop -kill" with
// SIGKILL.
func cmdStop(ts *testscript.TestScript, neg bool, args []string) {
	d := of(ts)
	if d.cmd == nil {
		ts.Fatalf("no daemon is running")
	}
	if len(args) == 1 && args[0] == "-kill" {
		d.kill()
		return
	}
	ts.Check(d.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case err := <-d.ended:
		if err != nil {
			ts.Fatalf("the daemon did not end cleanly: %v\n%s", err, d.stderr)
		}
		d.cmd = nil
	case <-time.After(startTimeout):
		ts.Fatalf("the daemon did not end")
	}
	// What it wrote to its log is part of the story.
	ts.Check(os.WriteFile(ts.MkAbs("daemon.log"), d.stderr.Bytes(), 0o600))
}

// cmdSetJSON runs "setjson VAR FILE PATH": it sets a variable to a value in a JSON file
// (of stdout: a file that "cp stdout FILE" made). PATH is dotted; numbers index arrays.
func cmdSetJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: setjson VAR FILE PATH")
	}
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &v))
	for _, key := range strings.Split(args[2], ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[key]
		case []any:
			var i int
			_, err := fmt.Sscan(key, &i)
			ts.Check(err)
			if i < 0 || i >= len(x) {
				ts.Fatalf("%s: no element %d", args[2], i)
			}
			v = x[i]
		default:
			v = nil
		}
	}
	if v == nil {
		ts.Fatalf("%s: nothing at %s", args[1], args[2])
	}
	ts.Setenv(args[0], fmt.Sprint(v))
}
