package s3api

import (
	"crypto/md5"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/directory"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/emulator/kmsapi"
	"github.com/managedcas/managedcas/internal/emulator/s3state"
	"github.com/managedcas/managedcas/internal/emulator/state"
	"github.com/managedcas/managedcas/internal/iam"
)

const (
	account = "111122223333"
	region  = "eu-west-1"
	apARN   = "arn:aws:s3:" + region + ":" + account + ":accesspoint/"
)

// world is the service on real state, with the real gate and KMS, and one bucket.
type world struct {
	t       testing.TB
	home    string
	db      *state.DB
	dir     *directory.Directory
	kms     *kmsapi.Service
	svc     *Service
	root    *api.Caller
	nobody  *api.Caller
	closing []io.Closer
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, home: t.TempDir(), nobody: &api.Caller{Kind: api.Anonymous}}
	w.open()
	t.Cleanup(w.close)
	w.root = &api.Caller{Kind: api.Root, AccountID: account, ARN: w.dir.RootARN(), UserID: account}
	w.put(w.root, "/shared", `<CreateBucketConfiguration><LocationConstraint>`+region+`</LocationConstraint></CreateBucketConfiguration>`).is(t, 200, "")
	return w
}

// open starts everything on what is in the world's home.
func (w *world) open() {
	w.t.Helper()
	var err error
	check := func() {
		if err != nil {
			w.t.Fatal(err)
		}
	}
	w.db, err = state.Open(filepath.Join(w.home, "state.db"))
	check()
	w.dir, err = directory.Open(w.db, account, nil)
	check()
	g := gate.New(w.dir)
	w.kms, err = kmsapi.New(kmsapi.Config{DB: w.db, KeyFile: filepath.Join(w.home, "keys.db"), AccountID: account, Region: region, Gate: g, Principals: g})
	check()
	w.svc, err = New(Config{DB: w.db, Dir: w.home, AccountID: account, Region: region, Gate: g, Principals: g, Keys: w.kms})
	check()
	w.closing = []io.Closer{w.svc, w.kms, w.db}
}

func (w *world) close() {
	for _, c := range w.closing {
		_ = c.Close()
	}
}

// restart closes everything and opens it again.
func (w *world) restart() {
	w.t.Helper()
	w.close()
	w.open()
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

// allowing creates a role that may do actions on resources, and returns a session.
func (w *world) allowing(name string, actions, resources []string) *api.Caller {
	w.t.Helper()
	return w.role(name, statement(fmt.Sprintf(`"Effect":"Allow","Action":["%s"],"Resource":["%s"]`, strings.Join(actions, `","`), strings.Join(resources, `","`))))
}

// accessPoint records an access point on the bucket "shared".
func (w *world) accessPoint(name, policy string, edit ...func(*s3state.AccessPoint)) s3state.AccessPoint {
	w.t.Helper()
	ap := s3state.AccessPoint{Name: name, AccountID: account, Region: region, Bucket: "shared", BucketAccountID: account, Alias: name + "-abc-s3alias"}
	if policy != "" {
		doc, err := iam.Parse(iam.KindAP, []byte(policy))
		if err != nil {
			w.t.Fatal(err)
		}
		if doc, err = w.svc.cfg.Principals.Bind(doc); err != nil {
			w.t.Fatal(err)
		}
		if ap.Policy, err = doc.MarshalJSON(); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, f := range edit {
		f(&ap)
	}
	err := w.db.Update(func(tx state.Tx) error {
		key := s3state.AccessPointKey(account, name)
		return errors.Join(s3state.AccessPoints.Put(tx, key, ap), s3state.Aliases.Put(tx, ap.Alias, key))
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return ap
}

// key creates a KMS key with a policy, and returns its ARN.
func (w *world) key() string {
	w.t.Helper()
	_, rest, _ := strings.Cut(w.kmsCall("CreateKey", "{}"), `"Arn":"`)
	arn, _, _ := strings.Cut(rest, `"`)
	return arn
}

// answer is what a client gets.
type answer struct {
	Status int
	Code   string
	Header http.Header
	Body   string
	Req    *api.Request
}

// is compares status and code, and shows the whole answer when they differ.
func (a answer) is(t testing.TB, status int, code string) {
	t.Helper()
	if a.Status != status || a.Code != code {
		t.Errorf("got %d %s, want %d %s; body: %s", a.Status, a.Code, status, code, a.Body)
	}
}

// into decodes the body of a successful answer.
func (a answer) into(t testing.TB, v any) {
	t.Helper()
	if a.Status/100 != 2 {
		t.Fatalf("got %d: %s", a.Status, a.Body)
	}
	if err := xml.Unmarshal([]byte(a.Body), v); err != nil {
		t.Fatalf("decoding %s: %v", a.Body, err)
	}
}

func (w *world) get(caller *api.Caller, path string, h ...string) answer {
	w.t.Helper()
	return w.do(caller, "GET", path, "", h...)
}

func (w *world) put(caller *api.Caller, path, body string, h ...string) answer {
	w.t.Helper()
	return w.do(caller, "PUT", path, body, h...)
}

// do sends a request for a path, or for a URL with a host.
func (w *world) do(caller *api.Caller, method, path, body string, h ...string) answer {
	w.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = "http://127.0.0.1:4566" + path
	}
	r := httptest.NewRequestWithContext(w.t.Context(), method, path, nil)
	for i := 0; i < len(h); i += 2 {
		r.Header.Add(h[i], h[i+1])
	}
	w.vouch(r, body)
	return w.serve(caller, r, &api.Request{Body: strings.NewReader(body), BodyLength: int64(len(body))})
}

// vouch adds the checksum that S3 demands with some documents, as every SDK does, unless
// the test says something of it itself.
func (w *world) vouch(r *http.Request, body string) {
	_, given := r.Header["Content-Md5"]
	for name := range r.Header {
		given = given || strings.HasPrefix(name, "X-Amz-Checksum-") || name == "X-Amz-Trailer"
	}
	if q := r.URL.Query(); !given && (q.Has("delete") || q.Has("tagging") || q.Has("lifecycle")) && body != "" {
		sum := md5.Sum([]byte(body))
		r.Header.Set("Content-Md5", b64(sum[:]))
	}
}

// serve does what the frame does around a service.
func (w *world) serve(caller *api.Caller, r *http.Request, req *api.Request) answer {
	w.t.Helper()
	rec := httptest.NewRecorder()
	req.ID, req.Service, req.Operation, req.Caller, req.Region = "REQ", "s3", w.svc.Operation(r), caller, region
	if req.Trailer == nil {
		req.Trailer = func() http.Header { return nil }
	}
	if req.Operation == "" {
		return answer{Status: 501, Code: "NotImplemented", Req: req}
	}
	err := w.svc.Serve(rec, r.WithContext(api.WithRequest(r.Context(), req)), req)
	got := answer{Req: req}
	if err != nil {
		aerr, ok := errors.AsType[*api.Error](err)
		if !ok {
			aerr = api.Errorf(500, "InternalError", "%v", err)
		}
		w.svc.WriteError(rec, r, req.ID, aerr)
		got.Code = aerr.Code
	}
	got.Status, got.Header, got.Body = rec.Code, rec.Header(), rec.Body.String()
	if rec.Code >= 400 && r.Method != "HEAD" {
		var e struct {
			XMLName xml.Name `xml:"Error"`
			Code    string
		}
		if err := xml.Unmarshal(rec.Body.Bytes(), &e); err != nil || e.Code != got.Code {
			w.t.Errorf("error without the form of S3: %v: %s", err, got.Body)
		}
	}
	if r.Method == "HEAD" && rec.Body.Len() > 0 {
		w.t.Errorf("HEAD was answered with a body: %s", got.Body)
	}
	return got
}

// statement is a policy document with one statement.
func statement(body string) string {
	return `{"Version":"2012-10-17","Statement":[{` + body + `}]}`
}

// delegation is the bucket policy that hands the decision to access points.
const delegation = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*",` +
	`"Resource":["arn:aws:s3:::shared","arn:aws:s3:::shared/*"],"Condition":{"StringEquals":{"s3:DataAccessPointAccount":"` + account + `"}}}]}`

func (w *world) delegate() {
	w.t.Helper()
	w.put(w.root, "/shared?policy", delegation).is(w.t, 204, "")
}
