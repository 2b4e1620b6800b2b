package durability

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/managedcas/managedcas/test/process"
)

const bucket = "durable"

// programs is the directory of the programs that TestMain built.
var programs string

func TestMain(m *testing.M) { os.Exit(process.Main(m, &programs)) }

// daemon is a running `managedcasd aws`.
type daemon struct {
	*process.Process
	ready struct {
		AWS struct{ Endpoint, Region, AccessKeyID, SecretAccessKey string }
	}
}

// start runs the embedded AWS on dir and waits until it serves.
func start(t *testing.T, dir string) *daemon {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ready.json")
	d := &daemon{Process: process.Run(t, process.Command{
		Program: filepath.Join(programs, "managedcasd"),
		Args:    []string{"aws", "--listen", "127.0.0.1:0", "--region", "us-west-2", "--data", dir, "--ready-file", file},
	})}
	d.MustBeReady(t, file, &d.ready)
	return d
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
