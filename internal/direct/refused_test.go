package direct_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/direct"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/test/rig"
)

func uploader(id org.ID) cas.Grant {
	return cas.Grant{Org: id, Role: cas.Uploader, Subject: "somebody"}
}

func downloader(id org.ID, d digest.Digest) cas.Grant {
	return cas.Grant{Org: id, Role: cas.Downloader, Digest: d}
}

// request is a presigned request with a body.
func request(ctx context.Context, t *testing.T, p cas.Presigned, body []byte) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, p.Method, p.URL, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range p.Header {
		if name != "Content-Length" { // net/http has its own
			r.Header.Set(name, value)
		}
	}
	return r
}

// send returns the status and the code of S3.
func send(t *testing.T, client *http.Client, r *http.Request) (int, string, []byte) {
	t.Helper()
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(body), "<Code>")
	code, _, _ = strings.Cut(code, "</Code>")
	return answer.StatusCode, code, body
}

func presign(t *testing.T, r *rig.Rig, id org.ID, d digest.Digest, size int) cas.Presigned {
	t.Helper()
	p, stored, err := r.Direct.Upload(t.Context(), uploader(id), direct.Upload{Digest: d, Size: int64(size), FileName: "a b.txt"}, false)
	if err != nil || stored {
		t.Fatalf("stored %t, %v", stored, err)
	}
	return p
}

// TestEverythingIsSigned lists what a client can change, and with what S3 refuses it.
func TestEverythingIsSigned(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{Reuse: rig.LongReuse})
	acme, other := r.Org(t), r.Org(t)
	content, d := rig.Content(4 << 10)
	p := presign(t, r, acme, d, len(content))
	lie, _ := rig.Content(len(content))
	_, lieDigest := rig.Content(1)
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	without := func(name string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Del(name) }
	}
	body := func(content []byte) func(*http.Request) {
		return func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(content)), int64(len(content))
		}
	}
	query := func(name, value string) func(*http.Request) {
		return func(r *http.Request) {
			q := r.URL.Query()
			q.Set(name, value)
			r.URL.RawQuery = q.Encode()
		}
	}
	both := func(changes ...func(*http.Request)) func(*http.Request) {
		return func(r *http.Request) {
			for _, change := range changes {
				change(r)
			}
		}
	}
	const mismatch = "SignatureDoesNotMatch"
	for _, row := range []struct {
		name   string
		change func(*http.Request)
		status int
		code   string
	}{
		{"another body of the same length", body(lie), 400, "BadDigest"},
		{"an empty body of the announced length", body(make([]byte, len(content))), 400, "BadDigest"},
		{"a shorter body", body(content[:len(content)-1]), 403, mismatch},
		{"a longer body", body(append(bytes.Clone(content), 0)), 403, mismatch},
		{"no length", func(r *http.Request) { r.ContentLength = -1 }, 403, mismatch},
		{"no condition", without("If-None-Match"), 403, mismatch},
		{"another condition", header("If-None-Match", `"etag"`), 403, mismatch},
		{"two conditions", func(r *http.Request) { r.Header.Add("If-None-Match", `"etag"`) }, 403, mismatch},
		{"no checksum", without("X-Amz-Checksum-Sha256"), 403, mismatch},
		{"another checksum", both(body(lie), header("X-Amz-Checksum-Sha256", digest.Of(lie).Base64())), 403, mismatch},
		{"two checksums", func(r *http.Request) { r.Header.Add("X-Amz-Checksum-Sha256", lieDigest.Base64()) }, 403, mismatch},
		{"a checksum in the query", query("x-amz-checksum-sha256", lieDigest.Base64()), 403, mismatch},
		{"a checksum of another kind", header("X-Amz-Checksum-Crc32", "AAAAAA=="), 403, "AccessDenied"},
		{"another name", header("X-Amz-Meta-Filename", "evil.sh"), 403, mismatch},
		{"another type", header("Content-Type", "text/html"), 403, mismatch},
		{"another header of S3's", header("X-Amz-Meta-More", "x"), 403, "AccessDenied"},
		{"an access list", header("X-Amz-Acl", "public-read"), 403, "AccessDenied"},
		{"a storage class", header("X-Amz-Storage-Class", "GLACIER"), 403, "AccessDenied"},
		{"another key to encrypt with", header("X-Amz-Server-Side-Encryption", "AES256"), 403, "AccessDenied"},
		{"tags", header("X-Amz-Tagging", "a=b"), 403, "AccessDenied"},
		{"a copy instead of a body", header("X-Amz-Copy-Source", "artifacts/key"), 403, "AccessDenied"},
		{"chunks with a trailer", both(header("Content-Encoding", "aws-chunked"), header("X-Amz-Trailer", "x-amz-checksum-crc32"),
			header("X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"), header("X-Amz-Decoded-Content-Length", "1")), 403, "AccessDenied"},
		{"another payload", header("X-Amz-Content-Sha256", digest.Of(lie).Hex()), 403, "AccessDenied"},
		{"another payload in the query", query("X-Amz-Content-Sha256", digest.Of(lie).Hex()), 403, mismatch},
		{"a part of an upload", both(query("partNumber", "1"), query("uploadId", "u")), 403, mismatch},
		{"tagging instead of storing", query("tagging", ""), 403, mismatch},
		{"another method", func(r *http.Request) { r.Method = http.MethodDelete }, 403, mismatch},
		{"reading what may be written", func(r *http.Request) { r.Method, r.Body, r.ContentLength = http.MethodGet, nil, 0 }, 403, mismatch},
		{"another address", func(r *http.Request) {
			r.URL.Path, r.URL.RawPath = "/"+acme.String()+"/"+lieDigest.String(), ""
		}, 403, mismatch},
		{"another organization's prefix", func(r *http.Request) {
			r.URL.Path, r.URL.RawPath = "/"+other.String()+"/"+d.String(), ""
		}, 403, mismatch},
		{"another organization's access point", func(r *http.Request) {
			r.Host = strings.Replace(r.URL.Host, acme.String(), other.String(), 1)
		}, 403, mismatch},
		{"the bucket itself", func(r *http.Request) { r.Host = "artifacts.s3.us-east-1.amazonaws.com" }, 403, mismatch},
		{"a longer life", query("X-Amz-Expires", "604800"), 403, mismatch},
		{"a later date", query("X-Amz-Date", time.Now().UTC().Add(time.Minute).Format("20060102T150405Z")), 403, mismatch},
		{"fewer signed headers", query("X-Amz-SignedHeaders", "host"), 403, "AccessDenied"},
		{"no session token", func(r *http.Request) {
			q := r.URL.Query()
			q.Del("X-Amz-Security-Token")
			r.URL.RawQuery = q.Encode()
		}, 403, "InvalidAccessKeyId"},
		{"a second signature", header("Authorization", "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"), 400, "InvalidArgument"},
	} {
		t.Run(row.name, func(t *testing.T) {
			request := request(t.Context(), t, p, content)
			row.change(request)
			status, code, answer := send(t, rig.Stranger(t), request)
			if status != row.status || code != row.code {
				t.Errorf("%d %s, want %d %s\n%s", status, code, row.status, row.code, answer)
			}
		})
	}
	// Nothing is there, and the request is still good, once.
	if there := r.Objects(t); len(there) != 0 {
		t.Fatalf("stored: %v", there)
	}
	for i, want := range []struct {
		status int
		code   string
	}{{200, ""}, {412, "PreconditionFailed"}} {
		if status, code, answer := send(t, rig.Stranger(t), request(t.Context(), t, p, content)); status != want.status || code != want.code {
			t.Errorf("request %d: %d %s, want %v\n%s", i, status, code, want, answer)
		}
	}
}

// A request ends with its time: here it is signed anew, as if some minutes ago.
func TestRequestsExpire(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{Reuse: rig.LongReuse})
	acme := r.Org(t)
	content, d := rig.Content(100)
	p := presign(t, r, acme, d, 100)
	for _, row := range []struct {
		ago    time.Duration
		status int
		says   string
	}{
		{direct.Life + 2*time.Second, 403, "<Code>AccessDenied</Code><Message>Request has expired"},
		{-16 * time.Minute, 403, "<Code>AccessDenied</Code><Message>Request is not yet valid"},
		{direct.Life - 30*time.Second, 200, ""},
	} {
		old := request(t.Context(), t, p, content)
		q := old.URL.Query()
		if q.Get("X-Amz-Expires") != strconv.Itoa(int(direct.Life.Seconds())) {
			t.Fatalf("expires in %s s", q.Get("X-Amz-Expires"))
		}
		for _, name := range []string{"Algorithm", "Credential", "Date", "Security-Token", "Signature", "SignedHeaders"} {
			q.Del("X-Amz-" + name)
		}
		old.URL.RawQuery = q.Encode()
		k := r.Session(t, acme).Credentials
		signed, _, err := v4.NewSigner().PresignHTTP(t.Context(), aws.Credentials{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, SessionToken: k.SessionToken},
			old, "UNSIGNED-PAYLOAD", "s3", "us-east-1", time.Now().Add(-row.ago),
			func(o *v4.SignerOptions) { o.DisableHeaderHoisting, o.DisableURIPathEscaping = true, true })
		if err != nil {
			t.Fatal(err)
		}
		again := p
		again.URL = signed
		if status, _, answer := send(t, rig.Stranger(t), request(t.Context(), t, again, content)); status != row.status || !strings.Contains(string(answer), row.says) {
			t.Errorf("signed %s ago: %d\n%s", row.ago, status, answer)
		}
	}
	if _, _, err := r.Store.PresignUpload(t.Context(), cas.Ref{Org: acme, Digest: digest.Of(nil)}, 0, cas.Label{}, 999*time.Millisecond); !errors.Is(err, cloud.ErrExpired) {
		t.Errorf("a request that cannot be sent: %v", err)
	}
}
