// Package identitytest is an embedded account without its wire, for the tests of
// the identity services: real records, the real gate, and calls that go through the
// services' own parameters and XML.
package identitytest

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/directory"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/emulator/iamapi"
	"github.com/managedcas/managedcas/internal/emulator/state"
	"github.com/managedcas/managedcas/internal/emulator/stsapi"
)

// ID is the account's id.
const ID = "111122223333"

// Config is what tests vary. Its zero value is what the embedded AWS runs with.
type Config struct {
	Propagation func() time.Duration
	Quotas      iamapi.Quotas
	STS         stsapi.Config // Directory and Gate are filled in
}

// Account is an account with its identity services.
type Account struct {
	Directory *directory.Directory
	Gate      *gate.Gate
	IAM       *iamapi.Service
	STS       *stsapi.Service
}

// New returns a new account that lives as long as the test.
func New(t testing.TB, cfg Config) *Account {
	t.Helper()
	return Open(t, filepath.Join(t.TempDir(), "state.db"), cfg)
}

// Open returns the account that is kept in file.
func Open(t testing.TB, file string, cfg Config) *Account {
	t.Helper()
	db, err := state.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	dir, err := directory.Open(db, ID, cfg.Propagation)
	if err != nil {
		t.Fatal(err)
	}
	a := &Account{Directory: dir, Gate: gate.New(dir)}
	a.IAM = iamapi.New(iamapi.Config{Directory: dir, Gate: a.Gate, Principals: a.Gate, Policies: a.Gate, Quotas: cfg.Quotas})
	cfg.STS.Directory, cfg.STS.Gate = dir, a.Gate
	a.STS = stsapi.New(cfg.STS)
	return a
}

// Params are the parameters of a call.
type Params map[string]string

// Answer is what a call led to: a body, or an error.
type Answer struct {
	Body    string
	Err     *api.Error
	Request *api.Request
}

// Code returns the error's code, "" for success.
func (a Answer) Code() string {
	if a.Err == nil {
		return ""
	}
	return a.Err.Code
}

// Call does an operation as caller.
func (a *Account) Call(t testing.TB, service api.Emulated, caller *api.Caller, action string, params Params) Answer {
	t.Helper()
	form := url.Values{"Action": {action}}
	for name, value := range params {
		form.Set(name, value)
	}
	return a.CallForm(t, service, caller, form)
}

// CallForm is Call with a form that may have a parameter twice.
func (a *Account) CallForm(t testing.TB, service api.Emulated, caller *api.Caller, form url.Values) Answer {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.PostForm = form
	req := &api.Request{ID: "00000000-0000-4000-8000-000000000000", Operation: service.Operation(r), Caller: caller}
	if req.Operation == "" {
		t.Fatalf("%s is not implemented", form.Get("Action"))
	}
	w := httptest.NewRecorder()
	err := service.Serve(w, r.WithContext(api.WithRequest(t.Context(), req)), req)
	if err == nil {
		return Answer{Body: w.Body.String(), Request: req}
	}
	refused, ok := errors.AsType[*api.Error](err)
	if !ok {
		t.Fatalf("%s: %v", req.Operation, err)
	}
	service.WriteError(w, r, req.ID, refused)
	return Answer{Body: w.Body.String(), Err: refused, Request: req}
}

// Do calls IAM as the root user and fails the test when IAM refuses.
func (a *Account) Do(t testing.TB, action string, params Params) Answer {
	t.Helper()
	answer := a.Call(t, a.IAM, a.Root(t), action, params)
	if answer.Err != nil {
		t.Fatalf("%s %v: %v", action, params, answer.Err)
	}
	return answer
}

// Root returns the account's root user.
func (a *Account) Root(t testing.TB) *api.Caller {
	t.Helper()
	return a.Caller(t, a.Directory.RootCredentials().ID, "")
}

// Caller returns whom credentials belong to.
func (a *Account) Caller(t testing.TB, accessKeyID, token string) *api.Caller {
	t.Helper()
	caller, _, err := a.Directory.Lookup(t.Context(), accessKeyID, token)
	if err != nil {
		t.Fatal(err)
	}
	return caller
}
