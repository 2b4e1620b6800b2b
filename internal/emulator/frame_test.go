package emulator

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/faults"
	"github.com/managedcas/managedcas/internal/emulator/journal"
	"github.com/managedcas/managedcas/internal/iam"
)

const (
	region     = "us-west-2"
	aliceKey   = "AKIAALICEALICEALICEA"
	aliceARN   = "arn:aws:iam::123456789012:user/alice"
	secret     = "a secret that no answer may contain"
	unsigned   = "UNSIGNED-PAYLOAD"
	expiredKey = "ASIAEXPIREDEXPIREDEX"
)

// keys is a credential store with one user and one expired session.
type keys struct{}

func (keys) Lookup(_ context.Context, id, token string) (*api.Caller, string, error) {
	switch {
	case id == aliceKey && token == "":
		return &api.Caller{Kind: api.User, ARN: aliceARN, AccessKeyID: id}, secret, nil
	case id == expiredKey:
		return nil, "", api.Errorf(400, "ExpiredToken", "The provided token has expired.")
	}
	return nil, "", api.Errorf(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
}

// mirror is a service that answers with what the frame tells it.
type mirror struct{ effects chan string }

type reflection struct {
	Service, Caller, Body, Context string
}

func (m *mirror) Operations() []string { return nil }

func (m *mirror) Operation(r *http.Request) string {
	if r.Method == http.MethodPatch {
		return ""
	}
	return "Mirror"
}

func (m *mirror) Serve(w http.ResponseWriter, r *http.Request, req *api.Request) error {
	if api.FromContext(r.Context()) != req {
		return errors.New("the request is not in its context")
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return err
	}
	select {
	case m.effects <- req.Operation:
	default:
	}
	req.Resource = r.URL.Path
	req.Decisions = append(req.Decisions, iam.Decision{Result: iam.Allowed})
	switch r.URL.Path {
	case "/fail":
		return errors.New("disk on fire, secret " + secret)
	case "/fail/late":
		fmt.Fprint(w, "half an answ")
		return errors.New("disk on fire")
	}
	return json.NewEncoder(w).Encode(reflection{req.Service, req.Caller.ARN, string(body), fmt.Sprint(req.Context)})
}

func (m *mirror) WriteError(w http.ResponseWriter, _ *http.Request, id string, err *api.Error) {
	http.Error(w, err.Code+" "+id, err.Status)
}

// startFrame serves a frame in which every service is the same mirror.
func startFrame(t *testing.T) (*frame, *mirror, *httptest.Server) {
	t.Helper()
	m := &mirror{effects: make(chan string, 100)}
	f := &frame{
		region: region, hosts: newHosts([]string{"aws.example"}), credentials: keys{},
		services: map[string]api.Emulated{"s3": m, "s3control": m, "sts": m, "iam": m, "kms": m},
		journal:  journal.New(100), faults: &faults.Set{}, log: slog.New(slog.DiscardHandler),
	}
	teapot := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) })
	f.admin = newAdmin(f.journal, f.faults, teapot, teapot, teapot, teapot)
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	return f, m, srv
}

// call is a request to send to a frame.
type call struct {
	method, host, path, body string
	service                  string // to sign for; empty: unsigned
	key, secret, region      string // empty: those of alice
	header                   map[string]string
	after                    map[string]string // headers added after signing
	at                       time.Time
}

func (c call) request(t *testing.T, base string) *http.Request {
	t.Helper()
	method := c.method
	if method == "" {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(t.Context(), method, base+c.path, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	if c.host != "" {
		r.Host = c.host
	}
	for name, value := range c.header {
		r.Header.Set(name, value)
	}
	if c.service != "" {
		c.sign(t, r)
	}
	for name, value := range c.after {
		r.Header.Set(name, value)
	}
	return r
}

func (c call) sign(t *testing.T, r *http.Request) {
	t.Helper()
	credentials := aws.Credentials{AccessKeyID: aliceKey, SecretAccessKey: secret}
	if c.key != "" {
		credentials.AccessKeyID, credentials.SessionToken = c.key, "token"
	}
	if c.secret != "" {
		credentials.SecretAccessKey = c.secret
	}
	hash := unsigned
	if c.service == "s3" {
		r.Header.Set("X-Amz-Content-Sha256", hash)
	} else {
		hash = sha256Hex(c.body)
	}
	in, at := region, time.Now()
	if c.region != "" {
		in = c.region
	}
	if !c.at.IsZero() {
		at = c.at
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = c.service == "s3" })
	if err := signer.SignHTTP(t.Context(), credentials, r, hash, c.service, in, at); err != nil {
		t.Fatal(err)
	}
}

func (c call) send(t *testing.T, srv *httptest.Server) (int, string) {
	t.Helper()
	res, err := srv.Client().Do(c.request(t, srv.URL))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(body), secret) {
		t.Errorf("the answer contains a secret: %s", body)
	}
	return res.StatusCode, string(body)
}

const form = "application/x-www-form-urlencoded"

// TestAdmission: who gets in, and what AWS calls it when not. Source: facts AWS
// §4.6 for codes and their order.
func TestAdmission(t *testing.T) {
	t.Parallel()
	_, _, srv := startFrame(t)
	contentType := map[string]string{"Content-Type": form}
	for _, tc := range []struct {
		name   string
		call   call
		status int
		want   string // beginning of the answer
	}{
		{"s3", call{service: "s3", body: "data"}, 200, `{"Service":"s3","Caller":"` + aliceARN + `","Body":"data"`},
		{"s3control", call{service: "s3", path: "/v20180820/accesspoint", header: map[string]string{"X-Amz-Account-Id": "123456789012"}}, 200, `{"Service":"s3control"`},
		{"a bucket named like S3 Control's version", call{service: "s3", path: "/v20180820/key"}, 200, `{"Service":"s3"`},
		{"sts", call{service: "sts", body: "Action=A", header: contentType}, 200, `{"Service":"sts","Caller":"` + aliceARN + `","Body":"Action=A"`},
		{"global sts", call{service: "sts", region: "us-east-1", header: contentType}, 200, `{"Service":"sts"`},
		{"iam", call{service: "iam", region: "us-east-1", header: contentType}, 200, `{"Service":"iam"`},
		{"kms", call{service: "kms", body: "{}"}, 200, `{"Service":"kms"`},
		{"other service", call{service: "dynamodb"}, 501, `NotImplemented`},
		{"unknown operation", call{service: "s3", method: "PATCH"}, 501, "NotImplemented"},
		{"unknown operation, unknown caller", call{service: "s3", method: "PATCH", secret: "guess"}, 403, "SignatureDoesNotMatch"},

		{"s3, wrong region before unknown key", call{service: "s3", region: "us-east-1", key: "AKIANOBODY"}, 400, "AuthorizationHeaderMalformed"},
		{"s3, unknown key before signature", call{service: "s3", key: "AKIANOBODY", secret: "x"}, 403, "InvalidAccessKeyId"},
		{"s3, expired session before signature", call{service: "s3", key: expiredKey, secret: "x"}, 400, "ExpiredToken"},
		{"s3, wrong secret", call{service: "s3", secret: "guess"}, 403, "SignatureDoesNotMatch"},
		{"s3, clock", call{service: "s3", at: time.Now().Add(-time.Hour)}, 403, "RequestTimeTooSkewed"},
		{"s3, header added on the way", call{service: "s3", after: map[string]string{"X-Amz-Acl": "public-read"}}, 403, "AccessDenied"},
		{"sts, wrong region", call{service: "sts", region: "eu-west-1", header: contentType}, 403, "SignatureDoesNotMatch"},
		{"sts, unknown key", call{service: "sts", key: "AKIANOBODY", header: contentType}, 403, "InvalidClientTokenId"},
		{"sts, wrong secret", call{service: "sts", secret: "guess", header: contentType}, 403, "SignatureDoesNotMatch"},
		{"kms, unknown key", call{service: "kms", key: "AKIANOBODY"}, 400, "UnrecognizedClientException"},
		{"kms, too long", call{service: "kms", body: strings.Repeat("x", maxBuffered+1)}, 413, "RequestEntityTooLarge"},

		{"unsigned s3 is anonymous", call{}, 200, `{"Service":"s3","Caller":""`},
		{"unsigned s3control", call{path: "/v20180820/accesspoint", header: map[string]string{"X-Amz-Account-Id": "123456789012"}}, 403, "AccessDenied"},
		{"unsigned sts", call{body: "Version=2011-06-15", header: contentType}, 403, "MissingAuthenticationToken"},
		{"unsigned iam", call{body: "Version=2010-05-08", header: contentType}, 403, "MissingAuthenticationToken"},
		{"unsigned kms", call{header: map[string]string{"X-Amz-Target": "TrentService.ListKeys"}}, 400, "MissingAuthenticationTokenException"},
		{"unreadable signature", call{header: map[string]string{"Authorization": "AWS4-HMAC-SHA256 x"}}, 400, "AuthorizationHeaderMalformed"},
		{"unreadable signature of a form", call{body: "Version=2011-06-15", header: map[string]string{"Authorization": "AWS4-HMAC-SHA256 x", "Content-Type": form}}, 400, "IncompleteSignature"},
		{"long headers", call{header: map[string]string{"X-Long": strings.Repeat("x", maxHeaders)}}, 431, "the request's headers"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			status, body := tc.call.send(t, srv)
			if status != tc.status || !strings.HasPrefix(body, tc.want) {
				t.Errorf("%d %.200s, want %d %s", status, body, tc.status, tc.want)
			}
		})
	}
}

// TestHosts: the endpoint is its own proxy and forwards nothing.
func TestHosts(t *testing.T) {
	t.Parallel()
	_, _, srv := startFrame(t)
	for host, want := range map[string]int{
		srv.Listener.Addr().String():         200,
		"bucket.localhost":                   200,
		"tenant-123456789012.127.0.0.1:4566": 200,
		"b.aws.example":                      200,
		"s3.us-west-2.amazonaws.com":         200,
		"tenant-123456789012.s3-accesspoint.us-west-2.amazonaws.com": 200,
		"bucket.s3.amazonaws.com":                                    200,
		"example.com":                                                421,
		"localhost.example.com":                                      421,
		"notlocalhost":                                               421,
		"dynamodb.us-west-2.amazonaws.com":                           421,
		"amazonaws.com":                                              421,
		"169.254.169.254":                                            421,
		"":                                                           421,
		"s3.us-west-2.amazonaws.com.attacker.example": 421,
	} {
		for _, form := range []string{"GET /x HTTP/1.1", "GET http://" + host + "/x HTTP/1.1"} {
			if host == "" && strings.Contains(form, "http:") {
				continue // not a request line
			}
			status, body := raw(t, srv, form+"\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
			if status != want {
				t.Errorf("%s with Host %q: %d %s, want %d", form, host, status, body, want)
			}
			if want == 421 && !strings.Contains(body, "aws.example") {
				t.Errorf("the refusal of %q does not say which hosts there are: %s", host, body)
			}
		}
	}
	// Ports are forwarded; but what a client wants from another port through its proxy is
	// another server's.
	for _, host := range []string{"localhost", "LOCALHOST.:1", "127.0.0.1:1", "[::1]:1"} {
		if status, _ := raw(t, srv, "GET /x HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n"); status != 200 {
			t.Errorf("%s: %d", host, status)
		}
		if status, _ := raw(t, srv, "GET http://"+host+"/x HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n"); status != 421 {
			t.Errorf("%s through the proxy: %d", host, status)
		}
	}
	if status, _ := raw(t, srv, "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n"); status != 405 {
		t.Errorf("CONNECT: %d", status)
	}
}

// raw sends bytes as they are and returns the answer's status and body.
func raw(t *testing.T, srv *httptest.Server, text string) (int, string) {
	t.Helper()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// TestAdminIsLocal: the admin endpoints have no signature, so nobody but programs
// on this machine may reach them.
func TestAdminIsLocal(t *testing.T) {
	t.Parallel()
	f, _, _ := startFrame(t)
	for _, tc := range []struct {
		name, target, host, peer string
		header                   map[string]string
		want                     int
	}{
		{"from here", "/_aws/health", "127.0.0.1:4566", "127.0.0.1:999", nil, 418},
		{"by IPv6", "/_aws/health", "[::1]:4566", "[::1]:999", nil, 418},
		{"by name", "/_aws/health", "localhost:4566", "127.0.0.1:999", nil, 418},
		{"through itself as proxy", "http://127.0.0.1:4566/_aws/health", "", "127.0.0.1:999", nil, 418},
		{"journal", "/_aws/journal", "localhost", "127.0.0.1:999", nil, 200},
		{"no such", "/_aws/secrets", "localhost", "127.0.0.1:999", nil, 404},
		{"from afar", "/_aws/health", "127.0.0.1:4566", "192.0.2.1:999", nil, 403},
		{"page of another origin", "/_aws/health", "127.0.0.1:4566", "127.0.0.1:999", map[string]string{"Origin": "https://example.com"}, 403},
		{"no-cors page", "/_aws/health", "127.0.0.1:4566", "127.0.0.1:999", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"typed into a browser", "/_aws/health", "127.0.0.1:4566", "127.0.0.1:999", map[string]string{"Sec-Fetch-Site": "none"}, 418},
		{"behind a reverse proxy", "/_aws/health", "127.0.0.1:4566", "127.0.0.1:999", map[string]string{"X-Forwarded-For": "192.0.2.1"}, 403},
		{"rebound DNS name", "/_aws/health", "attacker.example", "127.0.0.1:999", nil, 421},
		{"key of a bucket", "/_aws/health", "bucket.localhost", "127.0.0.1:999", nil, 200},
		{"key of a bucket at a configured name", "/_aws/health", "aws.example", "127.0.0.1:999", nil, 200},
	} {
		r := httptest.NewRequest("GET", tc.target, nil)
		if tc.host != "" {
			r.Host = tc.host
		}
		r.RemoteAddr = tc.peer
		for name, value := range tc.header {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		if w.Code != tc.want {
			t.Errorf("%s: %d %s, want %d", tc.name, w.Code, w.Body, tc.want)
		}
	}
}

func TestConditionKeys(t *testing.T) {
	t.Parallel()
	f, _, _ := startFrame(t)
	seen := func(c call) string {
		r := c.request(t, "http://localhost")
		r.RequestURI, r.RemoteAddr = "/", "[::ffff:192.0.2.7]:999"
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		var got reflection
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatalf("%v: %s", err, w.Body)
		}
		return got.Context
	}
	signed := seen(call{service: "s3", header: map[string]string{"User-Agent": "agent", "Referer": "http://here"}, at: time.Now().Add(-time.Minute)})
	for _, want := range []string{
		"aws:sourceip:[192.0.2.7]", "aws:securetransport:[false]", "aws:requestedregion:[us-west-2]",
		"aws:useragent:[agent]", "aws:referer:[http://here]", "s3:signatureversion:[AWS4-HMAC-SHA256]",
		"s3:authtype:[REST-HEADER]", "s3:x-amz-content-sha256:[UNSIGNED-PAYLOAD]", "aws:currenttime:[20", "aws:epochtime:[",
	} {
		if !strings.Contains(signed, want) {
			t.Errorf("no %s in %s", want, signed)
		}
	}
	if !regexp.MustCompile(`s3:signatureage:\[([6-9]\d{4}|1\d{5})\]`).MatchString(signed) { // in milliseconds; a minute and what this took
		t.Errorf("the signature's age is not a minute: %s", signed)
	}
	anonymous := seen(call{})
	for _, absent := range []string{"s3:signature", "s3:authtype", "aws:referer", "s3:tlsversion"} {
		if strings.Contains(anonymous, absent) {
			t.Errorf("%s in %s", absent, anonymous)
		}
	}
	// IAM has one control plane, in us-east-1, whatever Region a client signs for.
	for _, signedFor := range []string{region, "us-east-1"} {
		got := seen(call{service: "iam", region: signedFor, header: map[string]string{"Content-Type": form}})
		if want := "aws:requestedregion:[us-east-1]"; !strings.Contains(got, want) {
			t.Errorf("IAM signed for %s: no %s in %s", signedFor, want, got)
		}
	}
	if other := seen(call{service: "kms"}); strings.Contains(other, "s3:") {
		t.Errorf("keys of S3 in a request to KMS: %s", other)
	}
}

func TestJournal(t *testing.T) {
	t.Parallel()
	f, _, srv := startFrame(t)
	call{service: "s3", path: "/b/k"}.send(t, srv)
	call{service: "s3", secret: "guess"}.send(t, srv)
	status, body := call{service: "s3", path: "/fail"}.send(t, srv)
	if status != 500 || !strings.HasPrefix(body, "InternalError") {
		t.Errorf("a failure of our own: %d %s", status, body)
	}
	want := []journal.Entry{
		{Sequence: 1, Service: "s3", Operation: "Mirror", Caller: aliceARN, AccessKeyID: aliceKey, SourceIP: "127.0.0.1", Resource: "/b/k", Status: 200, Decisions: []iam.Decision{{Result: iam.Allowed}}},
		{Sequence: 2, Service: "s3", SourceIP: "127.0.0.1", Status: 403, Code: "SignatureDoesNotMatch",
			Message: "The request signature we calculated does not match the signature you provided. Check your key and signing method."},
		{Sequence: 3, Service: "s3", Operation: "Mirror", Caller: aliceARN, AccessKeyID: aliceKey, SourceIP: "127.0.0.1", Resource: "/fail", Status: 500, Code: "InternalError",
			Message: "We encountered an internal error. Please try again.", Decisions: []iam.Decision{{Result: iam.Allowed}}},
	}
	got := f.journal.Entries(journal.Filter{})
	for i := range got {
		if got[i].RequestID == "" || got[i].Time.IsZero() || got[i].Duration <= 0 {
			t.Errorf("entry %d lacks id, time or duration: %+v", i, got[i])
		}
		got[i].RequestID, got[i].Time, got[i].Duration = "", time.Time{}, 0
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestBrokenAnswerIsNotWhole: an answer that fails on its way must not look
// complete to the client.
func TestBrokenAnswerIsNotWhole(t *testing.T) {
	t.Parallel()
	_, _, srv := startFrame(t)
	res, err := srv.Client().Do(call{service: "s3", path: "/fail/late"}.request(t, srv.URL))
	if err == nil {
		_, err = io.ReadAll(res.Body)
		res.Body.Close()
	}
	if err == nil {
		t.Error("half an answer was read without an error")
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		rule    faults.Rule
		status  int // 0: the connection breaks
		want    string
		effects int
	}{
		{faults.Rule{Kind: faults.Throttle, Count: 1}, 503, "SlowDown", 0},
		{faults.Rule{Kind: faults.Failure, Count: 1, Code: "OperationAborted", Status: 409}, 409, "OperationAborted", 0},
		{faults.Rule{Kind: faults.Latency, Count: 1, DelayMS: 1}, 200, "{", 1},
		{faults.Rule{Kind: faults.CutBefore, Count: 1}, 0, "", 0},
		{faults.Rule{Kind: faults.CutDuring, Count: 1}, 0, "", 0},
		{faults.Rule{Kind: faults.CutAfter, Count: 1}, 0, "", 1},
	} {
		t.Run(string(tc.rule.Kind), func(t *testing.T) {
			t.Parallel()
			f, m, srv := startFrame(t)
			if err := f.faults.Replace(faults.Plan{Rules: []faults.Rule{tc.rule}}); err != nil {
				t.Fatal(err)
			}
			// The client must not repeat the request by itself, as it would a GET.
			// The answer, which repeats the body, is too long for net/http to hold it back.
			res, err := srv.Client().Do(call{service: "s3", body: strings.Repeat("x", 64<<10)}.request(t, srv.URL))
			status, body := 0, []byte(nil)
			if err == nil {
				body, _ = io.ReadAll(res.Body)
				res.Body.Close()
				status = res.StatusCode
			}
			if status != tc.status || !strings.HasPrefix(string(body), tc.want) {
				t.Errorf("%d %s (%v), want %d %s", status, body, err, tc.status, tc.want)
			}
			if len(m.effects) != tc.effects {
				t.Errorf("%d effects, want %d", len(m.effects), tc.effects)
			}
			if got := f.journal.Entries(journal.Filter{}); len(got) != 1 || got[0].Fault != string(tc.rule.Kind) {
				t.Errorf("journal: %+v", got)
			}
			if status, _ := (call{service: "s3"}).send(t, srv); status != 200 {
				t.Errorf("afterwards: %d", status)
			}
		})
	}
}

// TestFaultsLetNobodyIn: an injected fault comes after authentication.
func TestFaultsLetNobodyIn(t *testing.T) {
	t.Parallel()
	f, m, srv := startFrame(t)
	if err := f.faults.Replace(faults.Plan{Rules: []faults.Rule{{Kind: faults.CutAfter}}}); err != nil {
		t.Fatal(err)
	}
	if status, _ := (call{service: "s3", secret: "guess"}).send(t, srv); status != 403 || len(m.effects) != 0 {
		t.Errorf("status %d, %d effects", status, len(m.effects))
	}
}

func sha256Hex(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
