package s3api

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/crc64nvme"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/blob"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

func b64(raw []byte) string { return base64.StdEncoding.EncodeToString(raw) }

func sha256Of(s string) string {
	sum := sha256.Sum256([]byte(s))
	return b64(sum[:])
}

func TestObjectRoundTrip(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	put := w.put(w.root, "/shared/k", "hello", "Content-Type", "text/plain", "Cache-Control", "no-store", "Content-Encoding", "aws-chunked,gzip",
		"X-Amz-Meta-Org", "acme", "X-Amz-Tagging", "a=1&b=2", "X-Amz-Acl", "bucket-owner-full-control")
	put.is(t, 200, "")
	sum := md5.Sum([]byte("hello"))
	etag := `"` + hex.EncodeToString(sum[:]) + `"`
	if put.Header.Get("ETag") != etag || put.Header.Get(headerSSE) != sseS3 {
		t.Errorf("put: %v", put.Header)
	}
	w.restart() // everything is on disk
	got := w.get(w.root, "/shared/k", "X-Amz-Checksum-Mode", "ENABLED")
	got.is(t, 200, "")
	if got.Body != "hello" {
		t.Errorf("body %q", got.Body)
	}
	head := w.do(w.root, "HEAD", "/shared/k", "", "X-Amz-Checksum-Mode", "ENABLED")
	head.is(t, 200, "")
	if diff := cmp.Diff(got.Header, head.Header); diff != "" {
		t.Errorf("GET and HEAD differ:\n%s", diff)
	}
	for name, want := range map[string]string{
		"Content-Type": "text/plain", "Cache-Control": "no-store", "Content-Encoding": "gzip", "Content-Length": "5",
		"X-Amz-Meta-Org": "acme", "X-Amz-Tagging-Count": "2", "ETag": etag, "Accept-Ranges": "bytes",
		headerSSE: sseS3, "X-Amz-Checksum-Type": fullObject,
		"X-Amz-Checksum-Crc64nvme": b64(binary.BigEndian.AppendUint64(nil, crc64nvme.Checksum([]byte("hello")))), // AWS §7.1
	} {
		if got.Header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.Header.Get(name), want)
		}
	}
	if plain := w.get(w.root, "/shared/k"); plain.Header.Get("X-Amz-Checksum-Type") != "" {
		t.Error("a checksum was told to who did not ask")
	}
	part := w.get(w.root, "/shared/k", "Range", "bytes=1-3")
	part.is(t, 206, "")
	if part.Body != "ell" || part.Header.Get("Content-Range") != "bytes 1-3/5" || part.Header.Get("Content-Length") != "3" {
		t.Errorf("range: %q %v", part.Body, part.Header)
	}
	w.get(w.root, "/shared/k", "Range", "bytes=5-").is(t, 416, "InvalidRange")
	over := w.get(w.root, "/shared/k?response-content-type=a/b")
	if over.Header.Get("Content-Type") != "a/b" {
		t.Errorf("override: %v", over.Header)
	}
	w.do(w.root, "DELETE", "/shared/k", "").is(t, 204, "")
	w.do(w.root, "DELETE", "/shared/k", "").is(t, 204, "")
	w.get(w.root, "/shared/k").is(t, 404, "NoSuchKey")
	w.do(w.root, "HEAD", "/shared/k", "").is(t, 404, "NoSuchKey")
}

// Keys are bytes: none of these is another.
func TestKeysAreExact(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keys := []string{"esc", "/esc", "t/../esc", "./esc", "esc/", "//esc", "%2Fesc", "ESC", "esc%00", "e%CC%81"}
	for _, k := range keys {
		w.put(w.root, "/shared/"+escape(k), k).is(t, 200, "")
	}
	for _, k := range keys {
		if got := w.get(w.root, "/shared/"+escape(k)); got.Body != k {
			t.Errorf("%q holds %q", k, got.Body)
		}
	}
	w.put(w.root, "/shared/"+strings.Repeat("k", 1025), "").is(t, 400, "KeyTooLongError")
}

func escape(key string) string { return string(textEncoding("url").write(key)) }

// Rows are AWS §7.1.
func TestChecksums(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const body = "hello"
	sum1, sum512, sumMD5 := sha1.Sum([]byte(body)), sha512.Sum512([]byte(body)), md5.Sum([]byte(body))
	right := map[string]string{
		"sha256":    sha256Of(body),
		"sha1":      b64(sum1[:]),
		"crc32":     b64(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(body)))),
		"crc32c":    b64(binary.BigEndian.AppendUint32(nil, crc32.Checksum([]byte(body), crc32.MakeTable(crc32.Castagnoli)))),
		"sha512":    b64(sum512[:]),
		"md5":       b64(sumMD5[:]),
		"crc64nvme": b64(binary.BigEndian.AppendUint64(nil, crc64nvme.Checksum([]byte(body)))),
	}
	for name, value := range right {
		header := "x-amz-checksum-" + name
		ok := w.put(w.root, "/shared/"+name, body, header, value)
		ok.is(t, 200, "")
		if ok.Header.Get(header) != value || ok.Header.Get("x-amz-checksum-type") != fullObject {
			t.Errorf("%s: %v", name, ok.Header)
		}
		if got := w.get(w.root, "/shared/"+name, "x-amz-checksum-mode", "enabled"); got.Header.Get(header) != value {
			t.Errorf("%s: stored %q", name, got.Header.Get(header))
		}
		bad := w.put(w.root, "/shared/bad", "other", header, value)
		bad.is(t, 400, "BadDigest")
		if want := "The " + strings.ToUpper(name) + " you specified did not match the calculated checksum."; !strings.Contains(bad.Body, want) {
			t.Errorf("%s: %s", name, bad.Body)
		}
		w.put(w.root, "/shared/bad", body, header, "AAAA").is(t, 400, "InvalidRequest")
		w.put(w.root, "/shared/bad", body, header, "not base64").is(t, 400, "InvalidRequest")
	}
	for _, tc := range []struct {
		headers []string
		status  int
		code    string
	}{
		{[]string{"x-amz-checksum-sha256", right["sha256"], "x-amz-checksum-crc32", right["crc32"]}, 400, "InvalidRequest"},
		{[]string{"x-amz-checksum-sha256", right["sha256"], "x-amz-sdk-checksum-algorithm", "CRC32"}, 400, "InvalidRequest"},
		{[]string{"x-amz-sdk-checksum-algorithm", "CRC32"}, 400, "InvalidRequest"},
		{[]string{"x-amz-checksum-foo", "AAAA"}, 400, "InvalidRequest"},
		{[]string{"Content-MD5", b64(make([]byte, 16))}, 400, "BadDigest"},
		{[]string{"Content-MD5", "AAAA"}, 400, "InvalidDigest"},
		{[]string{"x-amz-trailer", "x-amz-checksum-crc32"}, 400, "MalformedTrailerError"},
	} {
		w.put(w.root, "/shared/bad", body, tc.headers...).is(t, tc.status, tc.code)
	}
	w.get(w.root, "/shared/bad").is(t, 404, "NoSuchKey")
	md := md5.Sum([]byte(body))
	w.put(w.root, "/shared/k", body, "Content-MD5", b64(md[:])).is(t, 200, "")
	w.trailer(right["crc32"]).is(t, 200, "")
	w.trailer(b64(make([]byte, 4))).is(t, 400, "BadDigest")
}

// trailer puts "hello" with its CRC32 in the trailer.
func (w *world) trailer(value string) answer {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), "PUT", "http://127.0.0.1/shared/trailer", nil)
	r.Header.Set("X-Amz-Trailer", "x-amz-checksum-crc32")
	return w.serve(w.root, r, &api.Request{Body: strings.NewReader("hello"), BodyLength: 5, Trailer: func() http.Header {
		return http.Header{"X-Amz-Checksum-Crc32": {value}}
	}})
}

// A payload that is not what was announced leaves nothing.
func TestBrokenBodies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mismatch := api.Errorf(400, "XAmzContentSHA256Mismatch", "mismatch")
	for name, tc := range map[string]struct {
		body   io.Reader
		length int64
		code   string
		status int
	}{
		"short":     {strings.NewReader("abc"), 5, "IncompleteBody", 400},
		"long":      {strings.NewReader("abc"), 2, "IncompleteBody", 400},
		"broken":    {io.MultiReader(strings.NewReader("abc"), failing{io.ErrUnexpectedEOF}), 5, "IncompleteBody", 400},
		"mismatch":  {io.MultiReader(strings.NewReader("abc"), failing{mismatch}), 3, "XAmzContentSHA256Mismatch", 400},
		"no length": {strings.NewReader("abc"), -1, "MissingContentLength", 411},
		"too long":  {strings.NewReader("abc"), maxPut + 1, "EntityTooLarge", 400},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "PUT", "http://127.0.0.1/shared/k", nil)
		got := w.serve(w.root, r, &api.Request{Body: tc.body, BodyLength: tc.length})
		if got.Status != tc.status || got.Code != tc.code {
			t.Errorf("%s: %d %s", name, got.Status, got.Code)
		}
	}
	w.get(w.root, "/shared/k").is(t, 404, "NoSuchKey")
	if removed, err := w.svc.blobs.Sweep(func(blob.ID) bool { return false }); err != nil || removed != 0 {
		t.Errorf("%d blobs were left, %v", removed, err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// Of 32 writers who demand that there be nothing, one wins, and what it wrote is
// what is read (AWS §7.2).
func TestOneWinner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const writers = 32
	answers := make([]answer, writers)
	var start, done sync.WaitGroup
	start.Add(1)
	for i := range writers {
		done.Go(func() {
			start.Wait()
			answers[i] = w.put(w.root, "/shared/k", strings.Repeat(string(rune('A'+i)), 1000), "If-None-Match", "*")
		})
	}
	start.Done()
	done.Wait()
	won := slices.IndexFunc(answers, func(a answer) bool { return a.Status == 200 })
	if won < 0 {
		t.Fatal("nobody won")
	}
	for i, a := range answers {
		if i != won {
			a.is(t, 412, "PreconditionFailed")
		}
	}
	if got := w.get(w.root, "/shared/k"); got.Body != strings.Repeat(string(rune('A'+won)), 1000) {
		t.Errorf("writer %d won, but %.10q is there", won, got.Body)
	}
	w.noOrphans()
}

// noOrphans checks that every blob on disk belongs to an object.
func (w *world) noOrphans() {
	w.t.Helper()
	live := map[blob.ID]bool{}
	err := w.db.View(func(tx state.Tx) error {
		keep := func(_ string, o object) (bool, error) {
			for _, id := range o.Pieces.blobs() {
				live[id] = true
			}
			return true, nil
		}
		return errors.Join(objects.Scan(tx, "", keep), history.Scan(tx, "", keep))
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if removed, err := w.svc.blobs.Sweep(func(id blob.ID) bool { return live[id] }); err != nil || removed != 0 {
		w.t.Errorf("%d blobs belong to nobody, %v", removed, err)
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	etag := w.put(w.root, "/shared/k", "one").Header.Get("ETag")
	const past, future = "Mon, 02 Jan 2006 15:04:05 GMT", "Fri, 02 Jan 2099 15:04:05 GMT"
	for _, tc := range []struct {
		method, path string
		headers      []string
		status       int
		code         string
		source       string
	}{
		{"PUT", "k", []string{"If-None-Match", "*"}, 412, "PreconditionFailed", "AWS §7.2"},
		{"PUT", "k", []string{"If-None-Match", etag}, 501, "NotImplemented", "AWS §7.2: only *"},
		{"PUT", "k", []string{"If-Match", `"other"`}, 412, "PreconditionFailed", "conditional-writes"},
		{"PUT", "none", []string{"If-Match", etag}, 404, "NoSuchKey", "conditional-writes"},
		{"PUT", "k", []string{"If-Match", etag, "If-None-Match", "*"}, 400, "InvalidRequest", "they contradict"},
		{"DELETE", "k", []string{"If-Match", `"other"`}, 412, "PreconditionFailed", "conditional-deletes"},
		{"GET", "k", []string{"If-Match", etag}, 200, "", "RFC 9110 §13.1.1"},
		{"GET", "k", []string{"If-Match", "*"}, 200, "", "RFC 9110 §13.1.1"},
		{"GET", "k", []string{"If-Match", `"a", ` + etag}, 200, "", "RFC 9110 §13.1.1"},
		{"GET", "k", []string{"If-Match", `"other"`}, 412, "PreconditionFailed", "RFC 9110 §13.1.1"},
		{"GET", "k", []string{"If-None-Match", etag}, 304, "", "RFC 9110 §13.1.2"},
		{"GET", "k", []string{"If-None-Match", `"other"`}, 200, "", "RFC 9110 §13.1.2"},
		{"HEAD", "k", []string{"If-None-Match", etag}, 304, "", "RFC 9110 §13.1.2"},
		{"GET", "k", []string{"If-Modified-Since", future}, 304, "", "RFC 9110 §13.1.3"},
		{"GET", "k", []string{"If-Modified-Since", past}, 200, "", "RFC 9110 §13.1.3"},
		{"GET", "k", []string{"If-Modified-Since", "yesterday"}, 200, "", "RFC 9110 §13.1.3"},
		{"GET", "k", []string{"If-Unmodified-Since", past}, 412, "PreconditionFailed", "RFC 9110 §13.1.4"},
		{"GET", "k", []string{"If-Unmodified-Since", past, "If-Match", etag}, 200, "", "RFC 9110 §13.2.2"},
		{"GET", "k", []string{"If-None-Match", `"other"`, "If-Modified-Since", future}, 200, "", "RFC 9110 §13.2.2"},
		{"GET", "none", []string{"If-None-Match", "*"}, 404, "NoSuchKey", "existence first"},
	} {
		got := w.do(w.root, tc.method, "/shared/"+tc.path, "", tc.headers...)
		if got.Status != tc.status || got.Code != tc.code {
			t.Errorf("%s %s %v (%s): got %d %s, want %d %s", tc.method, tc.path, tc.headers, tc.source, got.Status, got.Code, tc.status, tc.code)
		}
	}
	w.put(w.root, "/shared/k", "two", "If-Match", etag).is(t, 200, "")
	w.put(w.root, "/shared/new", "", "If-None-Match", "*").is(t, 200, "")
	if got := w.get(w.root, "/shared/k"); got.Body != "two" {
		t.Errorf("body %q", got.Body)
	}
	w.noOrphans() // what was replaced is gone
}

// What a request asks for besides s3:PutObject takes its own permission.
func TestWritesTakeTheirPermissions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	etag := w.put(w.root, "/shared/k", "").Header.Get("ETag")
	only := w.allowing("only", []string{"s3:PutObject"}, []string{"arn:aws:s3:::shared/*"})
	for _, tc := range []struct {
		action, header, value string
	}{
		{"s3:PutObjectTagging", "x-amz-tagging", "a=1"},
		{"s3:PutObjectAcl", "x-amz-acl", "bucket-owner-full-control"},
		{"s3:GetObject", "If-Match", etag}, // facts AWS §7.2
	} {
		with := w.allowing("with-"+tc.action[3:], []string{"s3:PutObject", tc.action}, []string{"arn:aws:s3:::shared/*"})
		w.put(only, "/shared/k", "", tc.header, tc.value).is(t, 403, "AccessDenied")
		w.put(with, "/shared/k", "", tc.header, tc.value).is(t, 200, "")
	}
}

// The rest of a refused upload is read, unless the client waits for a sign to send it.
func TestRefusedUploadsAreDrained(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for expect, left := range map[string]int{"": 0, "100-continue": 1000} {
		body := strings.NewReader(strings.Repeat("x", 1000))
		r := httptest.NewRequestWithContext(t.Context(), "PUT", "http://127.0.0.1/shared/k", nil)
		r.Header.Set("Expect", expect)
		w.serve(w.nobody, r, &api.Request{Body: body, BodyLength: 1000}).is(t, 403, "AccessDenied")
		if body.Len() != left {
			t.Errorf("Expect %q: %d bytes are left, want %d", expect, body.Len(), left)
		}
	}
}

// What a presigned URL says in its query counts as a header does; a header that was
// sent is not replaced, and without a signature over the query it says nothing.
func TestPresignedQueries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tc := range []struct {
		query, header string
		presigned     bool
		status        int
	}{
		{sha256Of("hello"), "", true, 200},
		{sha256Of("other"), "", true, 400},
		{sha256Of("other"), sha256Of("hello"), true, 200},
		{sha256Of("other"), "", false, 200},
	} {
		query := url.Values{"x-amz-checksum-sha256": {tc.query}, "X-Amz-Signature": {"abc"}}
		r := httptest.NewRequestWithContext(t.Context(), "PUT", "http://127.0.0.1/shared/k?"+query.Encode(), nil)
		if tc.header != "" {
			r.Header.Set("X-Amz-Checksum-Sha256", tc.header)
		}
		got := w.serve(w.root, r, &api.Request{Body: strings.NewReader("hello"), BodyLength: 5, Presigned: tc.presigned})
		if got.Status != tc.status {
			t.Errorf("%+v: got %d %s", tc, got.Status, got.Code)
		}
	}
}

// One header in two spellings must not mean now one thing and now another.
func TestPresignedTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(w.root, "/shared/k", "x").is(t, 200, "")
	for range 20 {
		r := httptest.NewRequestWithContext(t.Context(), "PUT", "http://127.0.0.1/shared/k2?X-Amz-Signature=0&X-Amz-Copy-Source=shared%2Fk&x-amz-copy-source=shared%2Fnone", nil)
		w.serve(w.root, r, &api.Request{Presigned: true, Body: strings.NewReader("")}).is(t, 400, "InvalidArgument")
	}
}

// What is not here is refused by name (DESIGN I9).
func TestRefusedLoudly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(w.root, "/shared/k", "x").is(t, 200, "")
	for _, tc := range []struct {
		method, path string
		headers      []string
		status       int
		code         string
	}{
		{"PUT", "/shared/k?versionId=null", nil, 501, "NotImplemented"},
		{"PUT", "/shared?cors", nil, 501, "NotImplemented"},
		{"PUT", "/shared?website", nil, 501, "NotImplemented"},
		{"GET", "/shared/k?retention", nil, 501, "NotImplemented"},
		{"GET", "/shared/k?torrent", nil, 501, "NotImplemented"},
		{"GET", "/shared/k?attributes&acl", nil, 501, "NotImplemented"},
		{"GET", "/shared/k?versionId=x", nil, 400, "InvalidArgument"},
		{"GET", "/shared/k?versionId=null", nil, 200, ""},
		{"GET", "/shared/k?tagging&acl", nil, 501, "NotImplemented"},
		{"GET", "/shared?policy&location", nil, 501, "NotImplemented"},
		{"POST", "/shared", nil, 501, "NotImplemented"},
		{"PATCH", "/shared/k", nil, 501, "NotImplemented"},
		{"PUT", "/shared/new", []string{"x-amz-copy-source", "/shared/k", "x-amz-copy-source-server-side-encryption-customer-algorithm", "AES256"}, 501, "NotImplemented"},
		{"PUT", "/shared/k", []string{"x-amz-storage-class", "GLACIER"}, 501, "NotImplemented"},
		{"PUT", "/shared/k", []string{"x-amz-object-lock-mode", "COMPLIANCE"}, 501, "NotImplemented"},
		{"PUT", "/shared/k", []string{"x-amz-server-side-encryption", "aws:kms:dsse"}, 501, "NotImplemented"},
		{"PUT", "/shared/k", []string{"x-amz-server-side-encryption-customer-algorithm", "AES256"}, 501, "NotImplemented"},
		{"PUT", "/shared/k", []string{"x-amz-server-side-encryption", "rot13"}, 400, "InvalidEncryptionAlgorithmError"},
		{"PUT", "/shared/k", []string{"x-amz-acl", "public-read"}, 400, "AccessControlListNotSupported"},
		{"PUT", "/shared/k", []string{"x-amz-grant-read", "id=x"}, 400, "AccessControlListNotSupported"},
		{"PUT", "/shared/k", []string{"x-amz-meta-a", strings.Repeat("x", 2048)}, 400, "MetadataTooLarge"},
		{"PUT", "/shared/k", []string{"x-amz-meta-a", "caf\u00e9"}, 403, "SignatureDoesNotMatch"},
		{"PUT", "/shared/k", []string{"x-amz-meta-a", "\xe9"}, 403, "SignatureDoesNotMatch"},
		{"PUT", "/shared/k", []string{"x-amz-expected-bucket-owner", "999999999999"}, 403, "AccessDenied"},
		{"GET", "/shared/k", []string{"x-amz-expected-bucket-owner", account}, 200, ""},
		{"GET", "/missing/k", nil, 404, "NoSuchBucket"},
	} {
		got := w.do(w.root, tc.method, tc.path, "", tc.headers...)
		if got.Status != tc.status || got.Code != tc.code {
			t.Errorf("%s %s %v: got %d %s, want %d %s: %s", tc.method, tc.path, tc.headers, got.Status, got.Code, tc.status, tc.code, got.Body)
		}
	}
}

func TestObjectTags(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(w.root, "/shared/k", "x", "x-amz-tagging", "a=1").is(t, 200, "")
	w.put(w.root, "/shared/k?tagging", `<Tagging><TagSet><Tag><Key>org</Key><Value>acme</Value></Tag></TagSet></Tagging>`).is(t, 200, "")
	var out tagging
	w.get(w.root, "/shared/k?tagging").into(t, &out)
	if diff := cmp.Diff([]tag{{"org", "acme"}}, out.TagSet.Tags); diff != "" {
		t.Error(diff)
	}
	reader := w.role("reader", statement(`"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::shared/*","Condition":{"StringEquals":{"s3:ExistingObjectTag/org":"acme"}}`))
	w.get(reader, "/shared/k").is(t, 200, "")
	// To delete is not a matter of tags:
	// https://docs.aws.amazon.com/AmazonS3/latest/userguide/tagging-and-policies.html.
	remover := w.role("remover", statement(`"Effect":"Allow","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::shared/*","Condition":{"StringEquals":{"s3:ExistingObjectTag/org":"acme"}}`))
	w.do(remover, "DELETE", "/shared/k", "").is(t, 403, "AccessDenied")
	w.do(w.root, "DELETE", "/shared/k?tagging", "").is(t, 204, "")
	w.get(reader, "/shared/k").is(t, 403, "AccessDenied")
	w.put(w.root, "/shared/none?tagging", `<Tagging><TagSet></TagSet></Tagging>`).is(t, 404, "NoSuchKey")
	writer := w.allowing("writer", []string{"s3:PutObject"}, []string{"arn:aws:s3:::shared/*"})
	w.put(writer, "/shared/k", "").is(t, 200, "")
	w.put(writer, "/shared/k", "", "x-amz-tagging", "a=1").is(t, 403, "AccessDenied") // AWS §3.5 row 39
}

// Who names a version needs the permission for versions, also for the only one
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html).
func TestNamedVersionIsAnotherPermission(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(w.root, "/shared/k", "x").is(t, 200, "")
	objects := []string{"arn:aws:s3:::shared/*"}
	plain := w.allowing("plain", []string{"s3:GetObject", "s3:GetObjectTagging", "s3:DeleteObject"}, objects)
	versions := w.allowing("versions", []string{"s3:*Version", "s3:*VersionTagging"}, objects)
	for _, request := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/shared/k", 200}, {"HEAD", "/shared/k", 200}, {"GET", "/shared/k?tagging", 200}, {"DELETE", "/shared/k", 204},
	} {
		named := request.path + "?versionId=null"
		if strings.Contains(request.path, "?") {
			named = request.path + "&versionId=null"
		}
		if got := w.do(plain, request.method, named, ""); got.Status != 403 {
			t.Errorf("%s %s without the permission: %d", request.method, named, got.Status)
		}
		if got := w.do(versions, request.method, request.path, ""); got.Status != 403 {
			t.Errorf("%s %s with that for versions alone: %d", request.method, request.path, got.Status)
		}
		if got := w.do(versions, request.method, named, ""); got.Status != request.status {
			t.Errorf("%s %s: %d, want %d", request.method, named, got.Status, request.status)
		}
	}
	const several = `<Delete><Object><Key>k</Key><VersionId>null</VersionId></Object></Delete>`
	if got := w.do(plain, "POST", "/shared?delete", several); !strings.Contains(got.Body, "AccessDenied") {
		t.Errorf("deleting several without the permission: %d %s", got.Status, got.Body)
	}
}

// Keys of an object's tags have a case, condition keys have none: who may give one tag
// does not give another beside it.
func TestTagsThatDifferInCase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	writer := w.role("writer", statement(`"Effect":"Allow","Action":["s3:PutObject","s3:PutObjectTagging"],"Resource":"arn:aws:s3:::shared/*","Condition":{"StringEquals":{"s3:RequestObjectTag/org":"acme"}}`))
	w.put(writer, "/shared/one", "x", "x-amz-tagging", "org=acme").is(t, 200, "")
	reader := w.role("reader", statement(`"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::shared/*","Condition":{"StringEquals":{"s3:ExistingObjectTag/org":"acme"}}`))
	w.put(w.root, "/shared/both", "x", "x-amz-tagging", "org=acme&Org=other").is(t, 200, "")
	for range 20 { // a map has no order
		w.put(writer, "/shared/two", "x", "x-amz-tagging", "org=acme&Org=other").is(t, 403, "AccessDenied")
		w.get(reader, "/shared/both").is(t, 403, "AccessDenied")
	}
}
