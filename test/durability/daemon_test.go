package durability

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/managedcas/managedcas/test/sources"
)

const bucket = "durable"

// program is the managedcasd that TestMain built.
var program string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "durability-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "managedcasd")
	if out, err := exec.Command("go", "build", "-o", program, "../../cmd/managedcasd").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build managedcasd: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// daemon is a running `managedcasd aws`.
type daemon struct {
	cmd   *exec.Cmd
	ended chan struct{}
	ready struct {
		AWS struct{ Endpoint, Region, AccessKeyID, SecretAccessKey string }
	}
}

// start runs the embedded AWS on dir and waits until it serves.
func start(t *testing.T, dir string) *daemon {
	t.Helper()
	sources.Note(t)
	file := filepath.Join(t.TempDir(), "ready.json")
	var log strings.Builder
	d := &daemon{ended: make(chan struct{})}
	d.cmd = exec.Command(program, "aws", "--listen", "127.0.0.1:0", "--region", "us-west-2", "--data", dir, "--ready-file", file)
	d.cmd.Stderr = &log
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = d.cmd.Wait() // it is killed: its status says nothing
		close(d.ended)
	}()
	t.Cleanup(d.kill)
	deadline, tick := time.After(time.Minute), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for {
		raw, err := os.ReadFile(file)
		if err == nil && json.Unmarshal(raw, &d.ready) == nil && d.ready.AWS.Endpoint != "" {
			return d
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("not ready after a minute")
		case <-d.ended:
			t.Fatalf("ended before it was ready:\n%s", log.String())
		}
	}
}

// kill ends the daemon at once, wherever it is (SIGKILL), and waits until it is gone.
func (d *daemon) kill() {
	_ = d.cmd.Process.Kill() // dead already is fine
	<-d.ended
}

func (d *daemon) credentials() aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(d.ready.AWS.AccessKeyID, d.ready.AWS.SecretAccessKey, "")
}

// s3 is a client that never tries twice: a second try would hide what became of the first.
func (d *daemon) s3(t *testing.T) *s3.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return s3.New(s3.Options{
		Region: d.ready.AWS.Region, BaseEndpoint: &d.ready.AWS.Endpoint, UsePathStyle: true,
		Credentials: d.credentials(), Retryer: aws.NopRetryer{}, HTTPClient: &http.Client{Transport: transport},
	})
}

func (d *daemon) kms() *kms.Client {
	return kms.New(kms.Options{
		Region: d.ready.AWS.Region, BaseEndpoint: &d.ready.AWS.Endpoint,
		Credentials: d.credentials(), Retryer: aws.NopRetryer{},
	})
}
