package s3api

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

func (w *world) copy(caller *api.Caller, source, to string, h ...string) answer {
	w.t.Helper()
	return w.put(caller, to, "", append(h, "x-amz-copy-source", source)...)
}

// What a copy takes over and what it replaces
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html).
func TestCopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sum := sha256Of("hello")
	etag := w.put(w.root, "/shared/a%20b%3F", "hello", "Content-Type", "text/plain", "x-amz-meta-org", "acme", "x-amz-tagging", "n=1", "x-amz-checksum-sha256", sum).Header.Get("ETag")

	var out copyResult
	done := w.copy(w.root, "shared/a%20b%3F", "/shared/copy")
	done.into(t, &out)
	if out.XMLName.Local != "CopyObjectResult" || out.ETag != etag || out.ChecksumSHA256 != sum || out.ChecksumType != fullObject || out.LastModified == "" {
		t.Errorf("answer: %s", done.Body)
	}
	got := w.get(w.root, "/shared/copy", "x-amz-checksum-mode", "ENABLED")
	for name, want := range map[string]string{"Content-Type": "text/plain", "X-Amz-Meta-Org": "acme", "X-Amz-Tagging-Count": "1", "X-Amz-Checksum-Sha256": sum} {
		if got.Body != "hello" || got.Header.Get(name) != want {
			t.Errorf("%q, %s: %q, want %q", got.Body, name, got.Header.Get(name), want)
		}
	}
	w.copy(w.root, "/shared/a%20b%3F", "/shared/new", "x-amz-metadata-directive", "REPLACE", "x-amz-meta-x", "y", "x-amz-tagging-directive", "REPLACE",
		"x-amz-tagging", "a=1&b=2", "x-amz-checksum-algorithm", "CRC32").is(t, 200, "")
	got = w.get(w.root, "/shared/new", "x-amz-checksum-mode", "ENABLED")
	for name, want := range map[string]string{"Content-Type": "binary/octet-stream", "X-Amz-Meta-Org": "", "X-Amz-Meta-X": "y", "X-Amz-Tagging-Count": "2", "X-Amz-Checksum-Crc32": "NhCmhg=="} {
		if got.Body != "hello" || got.Header.Get(name) != want {
			t.Errorf("%q, %s: %q, want %q", got.Body, name, got.Header.Get(name), want)
		}
	}
	w.copy(w.root, "shared/copy", "/shared/copy", "x-amz-metadata-directive", "REPLACE").is(t, 200, "")
	w.do(w.root, "DELETE", "/shared/copy", "").is(t, 204, "")
	w.noOrphans()
}

func TestCopyRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	etag := w.put(w.root, "/shared/k", "hello").Header.Get("ETag")
	const past, future = "Mon, 02 Jan 2006 15:04:05 GMT", "Fri, 02 Jan 2099 15:04:05 GMT"
	const source = "x-amz-copy-source-"
	for _, tc := range []struct {
		source, to string
		headers    []string
		status     int
		code, why  string
	}{
		{"shared/none", "new", nil, 404, "NoSuchKey", "the source is not there"},
		{"missing/k", "new", nil, 404, "NoSuchBucket", "nor its bucket"},
		{"shared", "new", nil, 400, "InvalidArgument", "no key"},
		{"shared/k", "new", []string{"x-amz-copy-source", "shared/k"}, 400, "InvalidArgument", "two sources"},
		{"shared/%zz", "new", nil, 400, "InvalidArgument", "no encoding"},
		{"shared/k?version=1", "new", nil, 400, "InvalidArgument", "no version"},
		{"shared/k?versionId=1", "new", nil, 400, "InvalidArgument", "no version id"},
		{"arn:aws:s3:us-east-1:" + account + ":accesspoint/x/object/k", "new", nil, 400, "InvalidArgument", "AWS §1.3: same Region"},
		{apARN + "x/object/k", "new", nil, 404, "NoSuchAccessPoint", "root may know"},
		{"shared/k", "k", nil, 400, "InvalidRequest", "to itself without a change"},
		{"shared/k", "k", []string{"x-amz-server-side-encryption", "AES256"}, 200, "", "encryption is a change"},
		{"shared/k", "new", []string{"x-amz-metadata-directive", "MOVE"}, 400, "InvalidArgument", "no such directive"},
		{"shared/k", "new", []string{"x-amz-tagging", "a=1"}, 400, "InvalidRequest", "tags without REPLACE"},
		{"shared/k", "new", []string{"x-amz-source-expected-bucket-owner", "999999999999"}, 403, "AccessDenied", "another owner"},
		{"shared/k", "new", []string{source + "if-match", `"other"`}, 412, "PreconditionFailed", "API_CopyObject"},
		{"shared/k", "new", []string{source + "if-none-match", etag}, 412, "PreconditionFailed", "API_CopyObject"},
		{"shared/k", "new", []string{source + "if-modified-since", future}, 412, "PreconditionFailed", "API_CopyObject"},
		{"shared/k", "new", []string{source + "if-unmodified-since", past}, 412, "PreconditionFailed", "API_CopyObject"},
		{"shared/k", "k", []string{"if-none-match", "*", "x-amz-metadata-directive", "REPLACE"}, 412, "PreconditionFailed", "AWS §7.2"},
		{"shared/k", "none", []string{"if-match", etag}, 404, "NoSuchKey", "conditional-writes"},
		{"shared/k", "new", []string{source + "if-match", etag, source + "if-unmodified-since", past, "if-none-match", "*"}, 200, "", "API_CopyObject: If-Match overrules"},
		{"shared/k", "new", []string{"if-match", etag}, 200, "", "conditional-writes"},
	} {
		got := w.copy(w.root, tc.source, "/shared/"+tc.to, tc.headers...)
		if got.Status != tc.status || got.Code != tc.code {
			t.Errorf("%s to %s %v (%s): got %d %s, want %d %s", tc.source, tc.to, tc.headers, tc.why, got.Status, got.Code, tc.status, tc.code)
		}
	}
	w.noOrphans()
}

// A copy is authorized twice: as a write here, and as a GetObject there, each in its
// own contexts (facts AWS §2.3, §3.5 row 40).
func TestCopyPermissions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.delegate()
	w.accessPoint("cas-a", "")
	w.accessPoint("cas-b", "")
	w.put(w.root, "/shared/a/x", "x", "x-amz-tagging", "n=1").is(t, 200, "")
	w.put(w.root, "/shared/b/y", "y").is(t, 200, "")
	const bucket = "arn:aws:s3:::shared/"
	throughA := apARN + "cas-a/object/a/"
	callers := map[string]*api.Caller{
		"writer":  w.allowing("writer", []string{"s3:PutObject"}, []string{bucket + "*"}),
		"both":    w.allowing("both", []string{"s3:PutObject", "s3:GetObject"}, []string{bucket + "*"}),
		"tags":    w.allowing("tags", []string{"s3:PutObject", "s3:GetObject", "s3:GetObjectTagging", "s3:PutObjectTagging"}, []string{bucket + "*"}),
		"reader":  w.allowing("reader", []string{"s3:GetObject"}, []string{bucket + "*"}),
		"through": w.allowing("through", []string{"s3:*Object*"}, []string{throughA + "*"}),
		"bounded": w.role("bounded", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::shared/*"},`+
			`{"Effect":"Deny","Action":"s3:PutObject","Resource":"*","Condition":{"StringEquals":{"s3:x-amz-copy-source":"shared/b/y"}}}]}`),
	}
	for _, tc := range []struct {
		who, source, to string
		headers         []string
		status          int
	}{
		{"writer", "shared/b/y", "/shared/c", nil, 403},
		{"reader", "shared/b/y", "/shared/c", nil, 403},
		{"both", "shared/b/y", "/shared/c", nil, 200},
		{"both", "shared/b/y?versionId=null", "/shared/c", nil, 403}, // takes GetObjectVersion
		{"both", "shared/none", "/shared/c", nil, 403},               // AWS §7.6
		{"both", "shared/a/x", "/shared/c", nil, 403},                // the tags come along
		{"both", "shared/a/x", "/shared/c", []string{"x-amz-tagging-directive", "REPLACE"}, 200},
		{"tags", "shared/a/x", "/shared/c", nil, 200},
		{"bounded", "shared/b/y", "/shared/c", nil, 403},
		{"through", throughA + "x", viaA + "/a/copy", nil, 200},
		{"through", "cas-a-abc-s3alias/a/x", viaA + "/a/copy", nil, 200},
		{"through", "shared/a/x", viaA + "/a/copy", nil, 403}, // not by the access point
		{"through", apARN + "cas-a/object/b/y", viaA + "/a/copy", nil, 403},
		{"through", apARN + "cas-b/object/a/x", viaA + "/a/copy", nil, 403},
		{"through", throughA + "x", viaA + "/b/copy", nil, 403},
	} {
		got := w.copy(callers[tc.who], tc.source, tc.to, tc.headers...)
		if got.Status != tc.status {
			t.Errorf("%s: %s to %s %v: got %d %s, want %d", tc.who, tc.source, tc.to, tc.headers, got.Status, got.Body, tc.status)
		}
	}
}

// A copy decrypts there and encrypts here (facts AWS §6.1).
func TestCopyKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(w.root, "/shared/plain", "hello").is(t, 200, "")
	key := w.key()
	w.encryptBy(key, "false")
	w.put(w.root, "/shared/sealed", "hello").is(t, 200, "")
	with := func(name, action string) *api.Caller {
		return w.role(name, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::shared/*"},`+
			`{"Effect":"Allow","Action":"kms:`+action+`","Resource":"`+key+`"}]}`)
	}
	reads, writes, both := with("reads", "Decrypt"), with("writes", "GenerateDataKey"), with("both", "*")
	for _, tc := range []struct {
		who     *api.Caller
		source  string
		headers []string
		status  int
	}{
		{reads, "sealed", nil, 403}, {writes, "sealed", nil, 403}, {both, "sealed", nil, 200},
		{reads, "plain", nil, 403}, {writes, "plain", nil, 200},
		{reads, "sealed", []string{headerSSE, sseS3}, 200}, {writes, "sealed", []string{headerSSE, sseS3}, 403},
	} {
		got := w.copy(tc.who, "shared/"+tc.source, "/shared/copy", tc.headers...)
		if got.Status != tc.status {
			t.Errorf("%s by %s: %d %s", tc.source, tc.who.RoleName, got.Status, got.Body)
		}
	}
	w.copy(both, "shared/sealed", "/shared/copy").is(t, 200, "")
	if got := w.get(both, "/shared/copy"); got.Body != "hello" || got.Header.Get(headerKeyID) != key {
		t.Errorf("%q %v", got.Body, got.Header)
	}
}

// An older version is copied to the top.
func TestCopyVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.versioning("Enabled")
	one := w.put(w.root, "/shared/k", "one").version()
	w.put(w.root, "/shared/k", "two").is(t, 200, "")
	got := w.copy(w.root, "shared/k?versionId="+one, "/shared/k")
	got.is(t, 200, "")
	if got.Header.Get("X-Amz-Copy-Source-Version-Id") != one || got.version() == "" || got.version() == one {
		t.Errorf("%v", got.Header)
	}
	if back := w.get(w.root, "/shared/k"); back.Body != "one" || back.version() != got.version() {
		t.Errorf("%q %v", back.Body, back.Header)
	}
	marker := w.do(w.root, "DELETE", "/shared/k", "").version()
	w.copy(w.root, "shared/k", "/shared/new").is(t, 404, "NoSuchKey")
	w.copy(w.root, "shared/k?versionId="+marker, "/shared/new").is(t, 400, "InvalidRequest")
}

// Parts are filled from ranges of objects
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html).
func TestUploadPartCopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	content := append(bytes.Repeat([]byte("a"), minPart), []byte("the end")...)
	w.put(w.root, "/shared/source", string(content)).is(t, 200, "")
	upload := w.begin("target")
	part := func(number int, span string, who *api.Caller) answer {
		h := []string{"x-amz-copy-source-range", span}
		if span == "" {
			h = nil
		}
		return w.copy(who, "shared/source", fmt.Sprintf("%s&partNumber=%d", upload, number), h...)
	}
	for span, code := range map[string]string{
		"0-1": "InvalidArgument", "bytes=5-": "InvalidArgument", "bytes=-5": "InvalidArgument", "bytes=5-2": "InvalidArgument",
		fmt.Sprintf("bytes=0-%d", len(content)): "InvalidArgument",
	} {
		part(1, span, w.root).is(t, 400, code)
	}
	part(1, "", w.allowing("writer", []string{"s3:PutObject"}, []string{"arn:aws:s3:::shared/*"})).is(t, 403, "AccessDenied")
	w.copy(w.root, "shared/source", "/shared/target?partNumber=1&uploadId=none").is(t, 404, "NoSuchUpload")
	var etags []string
	for i, span := range []string{fmt.Sprintf("bytes=0-%d", minPart-1), fmt.Sprintf("bytes=%d-%d", minPart, len(content)-1)} {
		var out copyResult
		part(i+1, span, w.root).into(t, &out)
		if out.XMLName.Local != "CopyPartResult" || out.ChecksumCRC64NVME == "" {
			t.Errorf("%+v", out)
		}
		etags = append(etags, fmt.Sprintf("<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", i+1, out.ETag))
	}
	w.do(w.root, "POST", upload, "<CompleteMultipartUpload>"+strings.Join(etags, "")+"</CompleteMultipartUpload>").is(t, 200, "")
	if got := w.get(w.root, "/shared/target"); got.Body != string(content) {
		t.Errorf("%d bytes", len(got.Body))
	}
	w.noOrphans()
}
