package secretsapi_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/directory"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/emulator/kmsapi"
	"github.com/managedcas/managedcas/internal/emulator/secretsapi"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

const (
	account   = "111122223333"
	region    = "eu-west-1"
	arnPrefix = "arn:aws:secretsmanager:" + region + ":" + account + ":secret:"
	viaThis   = "secretsmanager." + region + ".amazonaws.com"
)

// world is a service on real state with the real gate and KMS.
type world struct {
	t    *testing.T
	home string
	db   *state.DB
	dir  *directory.Directory
	kms  *kmsapi.Service
	svc  *secretsapi.Service
	root *api.Caller
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, home: t.TempDir()}
	w.open()
	t.Cleanup(w.close)
	return w
}

func (w *world) open() {
	w.t.Helper()
	var err error
	if w.db, err = state.Open(filepath.Join(w.home, "state.db")); err != nil {
		w.t.Fatal(err)
	}
	if w.dir, err = directory.Open(w.db, account, nil); err != nil {
		w.t.Fatal(err)
	}
	g := gate.New(w.dir)
	w.kms, err = kmsapi.New(kmsapi.Config{
		DB: w.db, KeyFile: filepath.Join(w.home, "keys.db"), AccountID: account, Region: region, Gate: g, Principals: g,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.svc, err = secretsapi.New(secretsapi.Config{DB: w.db, AccountID: account, Region: region, Gate: g, Principals: g, Keys: w.kms})
	if err != nil {
		w.t.Fatal(err)
	}
	w.root = &api.Caller{Kind: api.Root, AccountID: account, ARN: w.dir.RootARN(), UserID: account}
}

func (w *world) close() {
	if err := errors.Join(w.kms.Close(), w.db.Close()); err != nil {
		w.t.Error(err)
	}
}

// allow is an identity policy of one statement.
func allow(action, resource string) string {
	return `{"Version":"2012-10-17","Statement":[` + statement(action, resource) + `]}`
}

func statement(action, resource string) string {
	return `{"Effect":"Allow","Action":"` + action + `","Resource":"` + resource + `"}`
}

// role creates a role with an inline policy and returns a session of it.
func (w *world) role(name, policy string) *api.Caller {
	w.t.Helper()
	r := directory.Role{Principal: directory.Principal{
		Name: name, Path: "/", ARN: w.dir.ARN("role", "/", name), ID: directory.NewID(directory.KindRole),
		Inline: map[string]string{"test": policy},
	}}
	if err := w.dir.Update(func(tx directory.Tx) error { return directory.CreateRole(tx, r) }); err != nil {
		w.t.Fatal(err)
	}
	return w.dir.SessionCaller(r, directory.Session{RoleID: r.ID, Name: "s", Issued: time.Now()})
}

// as returns AWS's own client of the service for a caller. Signatures are not checked
// here; that is the frame's work.
func (w *world) as(caller *api.Caller) *sdk.Client {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		req := &api.Request{ID: "REQ", Service: "secretsmanager", Operation: w.svc.Operation(r), Caller: caller, Region: region, Body: r.Body}
		if err := w.svc.Serve(rw, r.WithContext(api.WithRequest(r.Context(), req)), req); err != nil {
			refused, ok := errors.AsType[*api.Error](err)
			if !ok {
				w.t.Errorf("%s: %v", req.Operation, err)
				refused = api.Errorf(http.StatusInternalServerError, "InternalServiceError", "%v", err)
			}
			w.svc.WriteError(rw, r, req.ID, refused)
		}
	}))
	w.t.Cleanup(server.Close)
	return sdk.New(sdk.Options{
		Region:       region,
		BaseEndpoint: aws.String(server.URL),
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		HTTPClient:   server.Client(),
		Retryer:      aws.NopRetryer{},
	})
}

// code is the AWS error code of err, "" for none.
func code(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return "not an AWS error: " + err.Error()
}

func expect(t *testing.T, err error, want string) {
	t.Helper()
	if code(err) != want {
		t.Errorf("got %v, want %q", err, want)
	}
}

// create makes a secret with a value.
func create(t *testing.T, c *sdk.Client, name, text string) (arn string) {
	t.Helper()
	out, err := c.CreateSecret(t.Context(), &sdk.CreateSecretInput{Name: &name, SecretString: &text})
	if err != nil {
		t.Fatal(err)
	}
	return *out.ARN
}

// read returns the value of a secret.
func read(t *testing.T, c *sdk.Client, in sdk.GetSecretValueInput) string {
	t.Helper()
	out, err := c.GetSecretValue(t.Context(), &in)
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.SecretString) + string(out.SecretBinary)
}
