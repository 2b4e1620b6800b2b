package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/managedcas/managedcas/test/authority"
)

func TestErrorsStayOnOneLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain": "plain",
		"yaml: unmarshal errors:\n  line 3: field x not found\n  line 4: field y not found": "yaml: unmarshal errors: line 3: field x not found; line 4: field y not found",
		errors.Join(errors.New("first\t"), errors.New("second")).Error():                    "first; second",
	} {
		if got := oneLine(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

// A role that is told to stop says so, and that it did: exit code 0. With TLS it finds
// itself just so.
func TestARoleSaysThatItStops(t *testing.T) {
	t.Parallel()
	secret := authority.NewSecret(t)
	authority.New(t).Renew(t, secret, time.Now().Add(time.Hour))
	for transport, url := range map[string]string{
		"": `"http":"http://127.0.0.1:`,
		fmt.Sprintf("tls: {certFile: %q, keyFile: %q}", secret.CertFile(), secret.KeyFile()): `"http":"https://127.0.0.1:`,
	} {
		text := startAndStop(t, `drainDelay: 0s, listen: {grpc: "127.0.0.1:0", http: "127.0.0.1:0"}, `+transport)
		if !strings.Contains(text, url) {
			t.Errorf("it does not listen at %s:\n%s", url, text)
		}
	}
}

// startAndStop runs a control plane until it is ready, and returns its log.
func startAndStop(t *testing.T, controlplane string) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "managedcas.yaml")
	if err := os.WriteFile(file, []byte(`
backend:
  managedCas: {enabled: true, region: eu-west-1, accountId: "111122223333", bucketName: cas-prod, apPrefix: chainloop-,
    kmsKeyArn: "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555",
    baseRoleName: tenant, sessionPolicyPrefix: cas-, backendRoleName: backend, controlplaneRoleName: controlplane}
database: {url: "sqlite:`+filepath.Join(dir, "cas.db")+`"}
controlplane: {`+controlplane+`}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	log := &watched{seen: func(text string) {
		if strings.Contains(text, `"msg":"ready"`) {
			stop()
		}
	}}
	code := run(ctx, []string{"controlplane", "--config", file}, strings.NewReader(""), io.Discard, log)
	text := log.String()
	if code != 0 || !strings.Contains(text, `"msg":"stopping: told to by a signal","role":"controlplane"`) || !strings.HasSuffix(text, `"msg":"stopped","role":"controlplane"}`+"\n") {
		t.Errorf("exit code %d:\n%s", code, text)
	}
	return text
}

// Who forgot the credentials is told whose are needed. It sets the environment of the
// process, so it is alone.
func TestCommandsSayWhoseCredentialsTheyNeed(t *testing.T) { //nolint:paralleltest // see above
	dir := t.TempDir()
	for name, value := range map[string]string{
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_PROFILE": "", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "",
		"AWS_CONFIG_FILE": dir + "/none", "AWS_SHARED_CREDENTIALS_FILE": dir + "/none",
		"AWS_WEB_IDENTITY_TOKEN_FILE": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "",
	} {
		t.Setenv(name, value)
	}
	file := filepath.Join(dir, "managedcas.yaml")
	if err := os.WriteFile(file, []byte(`
backend:
  managedCas: {enabled: true, region: eu-west-1, accountId: "111122223333", bucketName: cas-prod, apPrefix: chainloop-,
    kmsKeyArn: "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555", endpoint: "http://127.0.0.1:1",
    baseRoleName: tenant, sessionPolicyPrefix: cas-, backendRoleName: backend, controlplaneRoleName: controlplane}
database: {url: "sqlite:`+filepath.Join(dir, "cas.db")+`"}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	for command, whose := range map[string]string{"provision": "an administrator of the account", "reconcile": "the backend"} {
		var stderr bytes.Buffer
		if code := run(t.Context(), []string{command, "--config", file, "--plan"}, strings.NewReader(""), io.Discard, &stderr); code != 1 || !strings.Contains(stderr.String(), "run it with the AWS credentials of "+whose) {
			t.Errorf("%s: exit code %d, %s", command, code, stderr.String())
		}
	}
}

// watched is a log that somebody reads while it is written.
type watched struct {
	seen func(text string)
	mu   sync.Mutex
	text strings.Builder
}

func (w *watched) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(line)
	w.seen(w.text.String())
	return len(line), nil
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// TestCASRefusesValuesBeforeItListens: what is wrong in the file is said, and not that the
// port is taken, which is true as well.
func TestCASRefusesValuesBeforeItListens(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for wrong, says := range map[string]string{
		"partSize: 1":                                "cas.partSize of 1 bytes: want 5242880",
		"singlePutMax: -1":                           "cas.singlePutMax of -1 bytes: want 1",
		"uploadMemory: 1":                            "cas.uploadMemory of 1 bytes: want at least",
		"controlplaneUrl: 127.0.0.1:8000":            "cas.controlplaneUrl",
		"partSize: 5242880":                          "address already in use",
		"limits: {bytesPerSecondPerOrganization: 1}": "cas.limits.bytesPerSecondPerOrganization is 1",
	} {
		text := `
backend:
  managedCas: {enabled: true, region: eu-west-1, accountId: "111122223333", bucketName: cas-prod, apPrefix: chainloop-,
    kmsKeyArn: "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555",
    baseRoleName: tenant, sessionPolicyPrefix: cas-, backendRoleName: backend, controlplaneRoleName: controlplane,
    endpoint: "http://127.0.0.1:1"}
database: {url: "sqlite:` + filepath.Join(t.TempDir(), "cas.db") + `"}
cas:
  listen: {grpc: "` + taken.Addr().String() + `", http: "127.0.0.1:0"}
  ` + wrong + "\n"
		if !strings.Contains(wrong, "controlplaneUrl") {
			text += "  controlplaneUrl: http://127.0.0.1:1\n"
		}
		file := filepath.Join(t.TempDir(), "managedcas.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var stderr bytes.Buffer
		if code := run(t.Context(), []string{"cas", "--config", file}, nil, &stderr, &stderr); code != 1 || !strings.Contains(stderr.String(), says) {
			t.Errorf("%s: exit %d, want 1 and %q:\n%s", wrong, code, says, &stderr)
		}
	}
}
