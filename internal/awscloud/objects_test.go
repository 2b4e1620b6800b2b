package awscloud_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minio/crc64nvme"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
)

const (
	account = "123456789012"
	region  = "eu-west-1"
)

func installation(t testing.TB) tenancy.Installation {
	t.Helper()
	in, err := tenancy.New(tenancy.Installation{
		AccountID: account, Region: region, BucketName: "artifacts", APPrefix: "cas-",
		KMSKeyARN:    "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555",
		BaseRoleName: "tenant", SessionPolicyPrefix: "cas-",
		BackendRoleName: "backend", ControlplaneRoleName: "controlplane",
		Loopback: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func tenant(t testing.TB) tenancy.Tenant {
	t.Helper()
	id, err := org.ParseID("0f8fad5b-d9cb-469f-a165-70867728950e")
	if err != nil {
		t.Fatal(err)
	}
	return installation(t).Tenant(id)
}

// at returns a Cloud that talks to handler.
func at(t *testing.T, handler http.HandlerFunc) *awscloud.Cloud {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	c, err := awscloud.New(t.Context(), awscloud.Config{
		Region: region, AccountID: account, Endpoint: server.URL,
		Credentials: awscloud.StaticCredentials("AKIAEXAMPLE", "secret"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func objects(t testing.TB, c *awscloud.Cloud) *awscloud.Objects {
	t.Helper()
	return c.Objects(session.Session{Tenant: tenant(t), Credentials: session.Credentials{
		AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "secret", SessionToken: "token",
	}})
}

// stream hides that a reader can seek.
type stream struct{ io.Reader }

// I3, I4: one request makes S3 compare the content with its address, and refuse to
// overwrite. A stream is sent as it comes, over http and https: neither read twice nor
// wrapped in chunks with a trailer.
func TestI3PutIsCheckedConditionalAndStreamed(t *testing.T) {
	t.Parallel()
	const content = "some artifact"
	d := digest.Of([]byte(content))
	key := tenant(t).ObjectKey(d)
	headers := []string{"X-Amz-Checksum-Sha256", "X-Amz-Content-Sha256", "If-None-Match", "X-Amz-Meta-Filename", "X-Amz-Meta-Mediatype", "X-Amz-Meta-Uploader", "Content-Type", "X-Amz-Security-Token", "X-Amz-Trailer", "Content-Encoding", "Content-Length"}
	want := map[string]string{
		"body": content, "host": tenant(t).APName() + "-" + account, "path": "/" + key, "method": "PUT",
		"X-Amz-Checksum-Sha256": d.Base64(), "X-Amz-Content-Sha256": d.Hex(), "If-None-Match": "*",
		"X-Amz-Meta-Filename": "ein%20Bild%20%C3%A4.png", "X-Amz-Meta-Mediatype": "image/png", "X-Amz-Meta-Uploader": "ci%2F1",
		"Content-Type":         "application/octet-stream", // whatever the artifact is
		"X-Amz-Security-Token": "token",
		"X-Amz-Trailer":        "", "Content-Encoding": "", "Content-Length": "13",
	}
	for scheme, start := range map[string]func(http.Handler) *httptest.Server{"http": httptest.NewServer, "https": httptest.NewTLSServer} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			seen := map[string]string{}
			server := start(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				raw, _ := io.ReadAll(r.Body)
				host, _, _ := strings.Cut(r.Host, ".")
				seen["body"], seen["host"], seen["path"], seen["method"] = string(raw), host, r.URL.Path, r.Method
				for _, h := range headers {
					seen[h] = r.Header.Get(h)
				}
				seen["Content-Length"] = strconv.FormatInt(r.ContentLength, 10)
			}))
			t.Cleanup(server.Close)
			network, err := awscloud.NewTransport(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			// The test server's certificate is for 127.0.0.1, without the access point's label.
			network.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // in a test
			c, err := awscloud.New(t.Context(), awscloud.Config{
				Region: region, AccountID: account, Endpoint: server.URL, Transport: network,
				Credentials: awscloud.StaticCredentials("AKIAEXAMPLE", "secret"),
			})
			if err != nil {
				t.Fatal(err)
			}
			body := stream{strings.NewReader(content)}
			if err := objects(t, c).Put(t.Context(), key, d, int64(len(content)), body, cas.Label{FileName: "ein Bild ä.png", MediaType: "image/png", Uploader: "ci/1"}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, seen); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPutOutcomes(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		status int
		code   string
		want   error
	}{
		"taken":            {412, "PreconditionFailed", cloud.ErrExists},           // facts AWS §7.2
		"lie":              {400, "BadDigest", cloud.ErrBadDigest},                 // facts AWS §7.1
		"racing writer":    {409, "ConditionalRequestConflict", cloud.ErrConflict}, // facts AWS §7.2
		"denied":           {403, "AccessDenied", cloud.ErrDenied},
		"session over":     {400, "ExpiredToken", cloud.ErrExpired},              // facts AWS §4.6
		"role deleted":     {403, "InvalidAccessKeyId", cloud.ErrExpired},        // facts AWS §3.3
		"key disabled":     {400, "KMS.DisabledException", cloud.ErrKeyUnusable}, // facts AWS §6.1
		"no access point":  {404, "NoSuchAccessPoint", cloud.ErrUnavailable},
		"busy":             {503, "SlowDown", cloud.ErrThrottled},
		"too large":        {400, "EntityTooLarge", cloud.ErrLimit},
		"unknown, theirs":  {500, "SomethingNew", cloud.ErrUnavailable},
		"unknown, ours":    {400, "SomethingNew", cloud.ErrInvalid},
		"not in emulator":  {501, "NotImplemented", cloud.ErrUnsupported},
		"two hundred html": {404, "NoSuchKey", cloud.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			c := at(t, func(w http.ResponseWriter, r *http.Request) {
				calls++
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set("X-Amz-Request-Id", "REQ1")
				w.WriteHeader(row.status)
				_, _ = io.WriteString(w, "<Error><Code>"+row.code+"</Code><Message>why</Message></Error>")
			})
			d := digest.Of([]byte("x"))
			err := objects(t, c).Put(t.Context(), "k", d, 1, stream{strings.NewReader("x")}, cas.Label{})
			if !errors.Is(err, row.want) {
				t.Errorf("got %v, want %v", err, row.want)
			}
			if err == nil || !strings.Contains(err.Error(), row.code) || !strings.Contains(err.Error(), "REQ1") {
				t.Errorf("%v: names neither code nor request", err)
			}
			if calls != 1 {
				t.Errorf("a body that cannot be rewound was sent %d times", calls)
			}
		})
	}
}

// The answer to a HEAD has a status and no body.
func TestStatOutcomes(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]error{
		400: cloud.ErrExpired,  // facts AWS §4.6: ExpiredToken
		403: cloud.ErrDenied,   // facts AWS §7.6: or missing
		404: cloud.ErrNotFound, // facts AWS §7.6
	} {
		c := at(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		if _, err := objects(t, c).Stat(t.Context(), "k"); !errors.Is(err, want) {
			t.Errorf("%d: got %v, want %v", status, err, want)
		}
	}
}

func TestBodyThatCanSeekIsSentAgain(t *testing.T) {
	t.Parallel()
	calls := 0
	c := at(t, func(w http.ResponseWriter, r *http.Request) {
		calls++
		raw, _ := io.ReadAll(r.Body)
		if string(raw) != "x" {
			t.Errorf("call %d: body %q", calls, raw)
		}
		if calls == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	if err := objects(t, c).Put(t.Context(), "k", digest.Of([]byte("x")), 1, strings.NewReader("x"), cas.Label{}); err != nil {
		t.Fatal(err)
	}
	if calls != 2 {
		t.Errorf("%d calls, want 2", calls)
	}
}

func TestExistsMeansExactlyThisKey(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		listed string
		want   bool
	}{{"k", true}, {"k2", false}, {"", false}} {
		var query string
		c := at(t, func(w http.ResponseWriter, r *http.Request) {
			query = r.URL.Query().Get("prefix") + " " + r.URL.Query().Get("max-keys")
			contents := ""
			if row.listed != "" {
				contents = "<Contents><Key>" + row.listed + "</Key></Contents>"
			}
			_, _ = io.WriteString(w, "<ListBucketResult>"+contents+"</ListBucketResult>")
		})
		got, err := objects(t, c).Exists(t.Context(), "k")
		if err != nil || got != row.want || query != "k 1" {
			t.Errorf("listed %q: %t, %v after %q; want %t", row.listed, got, err, query, row.want)
		}
	}
}

func TestGetDoesNotHashAndReadsTheName(t *testing.T) {
	t.Parallel()
	wrong := sha256.Sum256([]byte("something else"))
	d, _ := digest.FromSum(wrong[:])
	c := at(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Amz-Checksum-Mode") != "" {
			t.Error("asks for a checksum: the SDK would hash what package cas hashes anyway")
		}
		w.Header().Set("X-Amz-Checksum-Sha256", d.Base64())
		w.Header().Set("X-Amz-Meta-Filename", "..%2Fescape")
		_, _ = io.WriteString(w, "content")
	})
	body, info, err := objects(t, c).Get(t.Context(), "k", cas.Range{}, "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = body.Close() }()
	raw, err := io.ReadAll(body)
	if err != nil || string(raw) != "content" || info.Size != 7 {
		t.Errorf("%q of %d bytes, %v", raw, info.Size, err)
	}
	if info.FileName != cas.FileName("") {
		t.Errorf("file name %q: a path must not get through", info.FileName)
	}
}

// S3 may answer 200 and report the failure in the body (facts AWS §7.3).
func TestCompleteThatFailsWithStatus200(t *testing.T) {
	t.Parallel()
	c := at(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost && r.URL.Query().Has("uploads"):
			if r.Header.Get("X-Amz-Checksum-Type") != "FULL_OBJECT" || r.Header.Get("X-Amz-Checksum-Algorithm") != "CRC64NVME" {
				t.Error("the upload has no checksum of the whole")
			}
			_, _ = io.WriteString(w, "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
		case r.Method == http.MethodPut:
			w.Header().Set("ETag", `"e"`)
		default:
			if r.Header.Get("If-None-Match") != "*" || r.Header.Get("X-Amz-Mp-Object-Size") != "10" {
				t.Errorf("completed without condition or size: %v", r.Header)
			}
			if got, want := r.Header.Get("X-Amz-Checksum-Crc64nvme"), crcOf("0123401234"); got != want {
				t.Errorf("completed with the checksum %q, want %q", got, want)
			}
			_, _ = io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>PreconditionFailed</Code><Message>exists</Message></Error>`)
		}
	})
	o := objects(t, c)
	id, err := o.Begin(t.Context(), "k", cas.Label{FileName: "name"})
	if err != nil {
		t.Fatal(err)
	}
	var sent []cas.SentPart
	for i := range 2 {
		part, err := o.SendPart(t.Context(), "k", id, cas.Part{Number: i + 1, Size: 5, Body: strings.NewReader("01234")})
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, part)
	}
	if err := o.Complete(t.Context(), "k", id, sent); !errors.Is(err, cloud.ErrExists) {
		t.Errorf("got %v, want cloud.ErrExists", err)
	}
}

// crcOf is the CRC64NVME as another implementation than joinCRC has it.
func crcOf(content string) string {
	sum := crc64nvme.New()
	_, _ = io.WriteString(sum, content)
	return base64.StdEncoding.EncodeToString(sum.Sum(nil))
}

// unread counts what is read of a body.
type unread struct {
	io.ReadSeeker
	n int
}

func (u *unread) Read(p []byte) (int, error) {
	n, err := u.ReadSeeker.Read(p)
	u.n += n
	return n, err
}

// S3 is asked before a large body is sent: one that is there already costs no transfer.
func TestRefusedBodyIsNotSent(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusPreconditionFailed) }))
	t.Cleanup(server.Close)
	network, err := awscloud.NewTransport(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	network.ExpectContinueTimeout = time.Minute // by default a server that does not answer for a second gets the body
	c, err := awscloud.New(t.Context(), awscloud.Config{
		Region: region, AccountID: account, Endpoint: server.URL, Transport: network,
		Credentials: awscloud.StaticCredentials("AKIAEXAMPLE", "secret"),
	})
	if err != nil {
		t.Fatal(err)
	}
	content := make([]byte, 2<<20)
	body := &unread{ReadSeeker: bytes.NewReader(content)}
	err = objects(t, c).Put(t.Context(), "k", digest.Of(content), int64(len(content)), body, cas.Label{})
	if !errors.Is(err, cloud.ErrExists) || body.n > 0 {
		t.Errorf("%d bytes were read for %v", body.n, err)
	}
}
