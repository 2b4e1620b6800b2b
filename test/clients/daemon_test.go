package clients

import (
	"net/url"
	"path/filepath"
	"testing"

	"github.com/managedcas/managedcas/test/process"
)

// endpoint is a running embedded AWS and its root user.
type endpoint struct {
	URL             string `json:"endpoint"`
	Region          string `json:"region"`
	AccountID       string `json:"accountId"`
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
}

// host is the address without a scheme, as s3cmd wants it.
func (e endpoint) host(t *testing.T) string {
	t.Helper()
	u, err := url.Parse(e.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// serve runs "managedcasd aws" until the test ends, which it must do cleanly.
func serve(t *testing.T) endpoint {
	t.Helper()
	dir := t.TempDir()
	ready := filepath.Join(dir, "ready.json")
	p := process.Run(t, process.Command{
		Program: filepath.Join(built, "managedcasd"),
		Args:    []string{"aws", "--listen", "127.0.0.1:0", "--data", filepath.Join(dir, "data"), "--ready-file", ready},
	})
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Errorf("managedcasd ended with %v", err)
		}
	})
	file := struct{ AWS endpoint }{}
	p.MustBeReady(t, ready, &file)
	return file.AWS
}
