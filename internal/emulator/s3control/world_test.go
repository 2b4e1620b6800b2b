package s3control_test

import (
	"encoding/xml"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/directory"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/emulator/s3control"
	"github.com/managedcas/managedcas/internal/emulator/s3state"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

const (
	account = "111122223333"
	region  = "eu-west-1"
	apPath  = "/v20180820/accesspoint/"
	apARN   = "arn:aws:s3:" + region + ":" + account + ":accesspoint/"
)

// world is a service on real state, with the real gate and one bucket.
type world struct {
	t    *testing.T
	db   *state.DB
	dir  *directory.Directory
	svc  *s3control.Service
	root *api.Caller
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, err := state.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	dir, err := directory.Open(db, account, nil)
	if err != nil {
		t.Fatal(err)
	}
	g := gate.New(dir)
	w := &world{t: t, db: db, dir: dir}
	w.svc = s3control.New(s3control.Config{DB: db, AccountID: account, Region: region, Gate: g, Principals: g, Quota: 5})
	w.root = &api.Caller{Kind: api.Root, AccountID: account, ARN: dir.RootARN(), UserID: account}
	w.putBucket(s3state.Bucket{Name: "shared", AccountID: account, Region: region})
	return w
}

func (w *world) putBucket(b s3state.Bucket) {
	w.t.Helper()
	if err := w.db.Update(func(tx state.Tx) error { return s3state.Buckets.Put(tx, b.Name, b) }); err != nil {
		w.t.Fatal(err)
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

// answer is what a client gets.
type answer struct {
	Status int
	Code   string
	Body   string
}

// is compares status and code, and shows the whole answer when they differ.
func (a answer) is(t *testing.T, status int, code string) {
	t.Helper()
	if a.Status != status || a.Code != code {
		t.Errorf("got %d %s, want %d %s; body: %s", a.Status, a.Code, status, code, a.Body)
	}
}

// into decodes the body of a successful answer.
func (a answer) into(t *testing.T, v any) {
	t.Helper()
	if a.Status/100 != 2 {
		t.Fatalf("got %d: %s", a.Status, a.Body)
	}
	if err := xml.Unmarshal([]byte(a.Body), v); err != nil {
		t.Fatalf("decoding %s: %v", a.Body, err)
	}
}

func (w *world) do(caller *api.Caller, method, path, body string) answer {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), method, "http://"+account+".s3-control."+region+".amazonaws.com"+path, nil)
	r.Header.Set("X-Amz-Account-Id", account)
	return w.serve(caller, r, body)
}

// serve does what the frame does around a service.
func (w *world) serve(caller *api.Caller, r *http.Request, body string) answer {
	w.t.Helper()
	rec := httptest.NewRecorder()
	req := &api.Request{ID: "REQ", Service: "s3control", Operation: w.svc.Operation(r), Caller: caller, Region: region, Body: strings.NewReader(body)}
	if err := w.svc.Serve(rec, r.WithContext(api.WithRequest(r.Context(), req)), req); err != nil {
		aerr, ok := errors.AsType[*api.Error](err)
		if !ok {
			w.t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
		}
		w.svc.WriteError(rec, r, req.ID, aerr)
	}
	got := answer{Status: rec.Code, Body: rec.Body.String()}
	var e struct {
		XMLName xml.Name `xml:"ErrorResponse"`
		Code    string   `xml:"Error>Code"`
	}
	if rec.Code >= 400 {
		if err := xml.Unmarshal(rec.Body.Bytes(), &e); err != nil {
			w.t.Fatalf("error without the form of S3 Control: %v: %s", err, got.Body)
		}
		got.Code = e.Code
	}
	return got
}

func (w *world) create(name string) {
	w.t.Helper()
	w.do(w.root, "PUT", apPath+name, createBody("")).is(w.t, 200, "")
}

// createBody is a CreateAccessPointRequest on the bucket "shared" with more elements.
func createBody(more string) string {
	return `<CreateAccessPointRequest xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/"><Bucket>shared</Bucket>` + more + `</CreateAccessPointRequest>`
}

// policyBody wraps a policy as SDKs do, as escaped text.
func policyBody(policy string) string {
	raw, _ := xml.Marshal(struct {
		XMLName xml.Name `xml:"http://awss3control.amazonaws.com/doc/2018-08-20/ PutAccessPointPolicyRequest"`
		Policy  string
	}{Policy: policy})
	return string(raw)
}

// statement is a policy document with one statement.
func statement(body string) string {
	return `{"Version":"2012-10-17","Statement":[{` + body + `}]}`
}
