package kmsapi_test

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/directory"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/emulator/kmsapi"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

const (
	account = "111122223333"
	region  = "eu-west-1"
	viaS3   = "s3." + region + ".amazonaws.com"
	nothing = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"none:*","Resource":"*"}]}`
	allKMS  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"}]}`
)

type object = map[string]any

// world is a service on real state with the real gate.
type world struct {
	t    *testing.T
	home string
	db   *state.DB
	dir  *directory.Directory
	svc  *kmsapi.Service
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
	w.svc, err = kmsapi.New(kmsapi.Config{
		DB: w.db, KeyFile: filepath.Join(w.home, "keys.db"), AccountID: account, Region: region, Gate: g, Principals: g,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.root = &api.Caller{Kind: api.Root, AccountID: account, ARN: w.dir.RootARN(), UserID: account}
}

func (w *world) close() {
	if err := errors.Join(w.svc.Close(), w.db.Close()); err != nil {
		w.t.Error(err)
	}
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

// scoped returns caller with an inline session policy.
func scoped(caller *api.Caller, policy string) *api.Caller {
	c := *caller
	c.SessionPolicyPassed, c.InlineSessionPolicy = true, policy
	return &c
}

type answer struct {
	Status int
	Code   string
	Body   string
}

func (a answer) is(t *testing.T, status int, code string) {
	t.Helper()
	if a.Status != status || a.Code != code {
		t.Errorf("got %d %s, want %d %s; body: %s", a.Status, a.Code, status, code, a.Body)
	}
}

// object decodes the body of a successful answer.
func (a answer) object(t *testing.T) object {
	t.Helper()
	var v object
	if a.Status != 200 {
		t.Fatalf("got %d: %s", a.Status, a.Body)
	}
	if err := json.Unmarshal([]byte(a.Body), &v); err != nil {
		t.Fatalf("decoding %s: %v", a.Body, err)
	}
	return v
}

func (w *world) do(caller *api.Caller, operation string, in object) answer {
	w.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.raw(caller, operation, string(body))
}

// raw does what the frame does around a service.
func (w *world) raw(caller *api.Caller, operation, body string) answer {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), "POST", "http://localhost/", nil)
	r.Header.Set("X-Amz-Target", "TrentService."+operation)
	rec := httptest.NewRecorder()
	req := &api.Request{ID: "REQ", Service: "kms", Operation: w.svc.Operation(r), Caller: caller, Region: region, Body: strings.NewReader(body)}
	if err := w.svc.Serve(rec, r.WithContext(api.WithRequest(r.Context(), req)), req); err != nil {
		aerr, ok := errors.AsType[*api.Error](err)
		if !ok {
			w.t.Fatalf("%s: %v", operation, err)
		}
		w.svc.WriteError(rec, r, req.ID, aerr)
	}
	got := answer{Status: rec.Code, Body: rec.Body.String()}
	var e struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	if rec.Code >= 400 {
		if err := json.Unmarshal(rec.Body.Bytes(), &e); err != nil || e.Type == "" || e.Message == "" {
			w.t.Fatalf("error without the form of KMS: %v: %s", err, got.Body)
		}
		got.Code = e.Type
	}
	return got
}

// createKey makes a key and returns its id and ARN.
func (w *world) createKey(members ...object) (id, arn string) {
	w.t.Helper()
	in := object{}
	for _, m := range members {
		maps.Copy(in, m)
	}
	meta := w.do(w.root, "CreateKey", in).object(w.t)["KeyMetadata"].(object)
	return meta["KeyId"].(string), meta["Arn"].(string)
}

// keyPolicy is a key policy: the given statement, and full rights for the root user
// in person, without delegation to IAM policies of others.
func keyPolicy(statements ...string) string {
	own := `{"Sid":"root","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + account + `:root"},"Action":"kms:*","Resource":"*",` +
		`"Condition":{"StringEquals":{"aws:PrincipalArn":"arn:aws:iam::` + account + `:root"}}}`
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(append([]string{own}, statements...), ",") + `]}`
}

// via is the code and message of an error as S3 would show it.
func via(err error) (code, message string) {
	if e, ok := errors.AsType[*api.Error](err); ok {
		return e.Code, e.Message
	}
	if err != nil {
		return "not an AWS error", err.Error()
	}
	return "", ""
}
