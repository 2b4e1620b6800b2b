package s3api

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// encryptBy makes SSE-KMS with key the default of the bucket "shared".
func (w *world) encryptBy(key, bucketKey string) {
	w.t.Helper()
	w.put(w.root, "/shared?encryption", `<ServerSideEncryptionConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Rule>`+
		`<ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>`+key+`</KMSMasterKeyID></ApplyServerSideEncryptionByDefault>`+
		`<BucketKeyEnabled>`+bucketKey+`</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>`).is(w.t, 200, "")
}

// Which permission on the key each operation takes of its caller (facts AWS §6.1).
func TestKMSPermissions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := w.key()
	w.encryptBy(key, "false")
	s3 := `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::shared/*"}`
	kms := func(action, condition string) string {
		return `{"Effect":"Allow","Action":"kms:` + action + `","Resource":"` + key + `","Condition":{"StringEquals":{` + condition + `}}}`
	}
	policy := func(statements ...string) string {
		return `{"Version":"2012-10-17","Statement":[` + strings.Join(append(statements, s3), ",") + `]}`
	}
	viaS3 := `"kms:ViaService":"s3.` + region + `.amazonaws.com"`
	object := `"kms:EncryptionContext:aws:s3:arn":"arn:aws:s3:::shared/org/k"`
	bucket := `"kms:EncryptionContext:aws:s3:arn":"arn:aws:s3:::shared"`
	callers := map[string]*api.Caller{
		"none":    w.role("none", policy()),
		"write":   w.role("write", policy(kms("GenerateDataKey", viaS3))),
		"read":    w.role("read", policy(kms("Decrypt", viaS3))),
		"both":    w.role("both", policy(kms("*", viaS3))),
		"object":  w.role("object", policy(kms("*", object))),
		"bucket":  w.role("bucket", policy(kms("*", bucket))),
		"another": w.role("another", policy(kms("*", `"kms:ViaService":"ec2.`+region+`.amazonaws.com"`))),
	}
	put := w.put(callers["write"], "/shared/org/k", "secret")
	put.is(t, 200, "")
	if put.Header.Get(headerSSE) != sseKMS || put.Header.Get(headerKeyID) != key || put.Header.Get(headerBucketKey) != "" {
		t.Errorf("put: %v", put.Header)
	}
	for _, tc := range []struct {
		who, method, path string
		headers           []string
		status            int
	}{
		{"none", "PUT", "/shared/org/k", nil, 403},
		{"read", "PUT", "/shared/org/k", nil, 403},
		{"another", "PUT", "/shared/org/k", nil, 403},
		{"object", "PUT", "/shared/org/k", nil, 200},
		{"object", "PUT", "/shared/other/k", nil, 403},
		{"bucket", "PUT", "/shared/org/k", nil, 403},
		{"bucket", "PUT", "/shared/bk", []string{headerSSE, sseKMS, headerKeyID, key, headerBucketKey, "true"}, 200}, // §6.3
		{"object", "PUT", "/shared/bk", []string{headerSSE, sseKMS, headerKeyID, key, headerBucketKey, "true"}, 403},
		{"none", "PUT", "/shared/plain", []string{headerSSE, sseS3}, 200},
		{"none", "GET", "/shared/plain", nil, 200},
		{"none", "GET", "/shared/org/k", nil, 403},
		{"write", "GET", "/shared/org/k", nil, 403},
		{"read", "GET", "/shared/org/k", nil, 200},
		{"object", "GET", "/shared/org/k", nil, 200},
		{"bucket", "GET", "/shared/bk", nil, 200},
		{"none", "HEAD", "/shared/org/k", nil, 200},
		{"none", "HEAD", "/shared/org/k", []string{"x-amz-checksum-mode", "ENABLED"}, 403},
		{"read", "POST", "/shared/m?uploads", nil, 403},
		{"write", "POST", "/shared/m?uploads", nil, 200},
		{"none", "DELETE", "/shared/plain", nil, 204},
	} {
		if got := w.do(callers[tc.who], tc.method, tc.path, "secret", tc.headers...); got.Status != tc.status {
			t.Errorf("%s: %s %s %v: got %d, want %d: %s", tc.who, tc.method, tc.path, tc.headers, got.Status, tc.status, got.Body)
		}
	}
	upload := w.begin("m")
	for who, status := range map[string]int{"none": 403, "write": 403, "read": 200} {
		if got := w.put(callers[who], upload+"&partNumber=1", "x"); got.Status != status {
			t.Errorf("%s: UploadPart: got %d, want %d", who, got.Status, status)
		}
	}
	// With checksums, completing takes kms:Decrypt as well.
	checked := w.begin("c", "x-amz-checksum-algorithm", "SHA256")
	part := w.put(w.root, checked+"&partNumber=1", "x", "x-amz-checksum-sha256", sha256Of("x"))
	part.is(t, 200, "")
	w.do(callers["write"], "POST", checked, completion(part)).is(t, 403, "AccessDenied")
	w.do(callers["read"], "POST", checked, completion(part)).is(t, 200, "")
	denied := w.get(callers["none"], "/shared/org/k")
	if !strings.Contains(denied.Body, "kms:Decrypt on resource") {
		t.Errorf("the message does not name what is missing: %s", denied.Body)
	}
	if got := w.get(callers["both"], "/shared/org/k"); got.Body != "secret" {
		t.Errorf("body %q", got.Body)
	}
}

// The ETag of an SSE-KMS object is not the MD5 of its content.
func TestETagsOfEncryptedObjectsAreOpaque(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.encryptBy(w.key(), "true")
	one, two := w.put(w.root, "/shared/k", "same"), w.put(w.root, "/shared/k", "same")
	one.is(t, 200, "")
	if a, b := one.Header.Get("ETag"), two.Header.Get("ETag"); a == b || len(a) != 34 {
		t.Errorf("ETags %s and %s", a, b)
	}
	if one.Header.Get(headerBucketKey) != "true" {
		t.Errorf("%v", one.Header)
	}
	w.put(w.root, "/shared/k", "", headerSSE, sseKMS, headerKeyID, "no-such-key").is(t, 400, "KMS.NotFoundException")
	w.put(w.root, "/shared/k", "", headerSSE, sseS3, headerKeyID, "key").is(t, 400, "InvalidArgument")
	w.put(w.root, "/shared/k", "", headerKeyID, "key").is(t, 400, "InvalidArgument")
}

// Without a key, SSE-KMS is under the AWS managed key, which takes no permission but the
// one for the object; it is a key that only S3 uses.
func TestAWSManagedKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own := w.key()
	writer := w.allowing("writer", []string{"s3:*"}, []string{"arn:aws:s3:::shared/*"})
	put := w.put(writer, "/shared/k", "hello", headerSSE, sseKMS)
	put.is(t, 200, "")
	managed := put.Header.Get(headerKeyID)
	if put.Header.Get(headerSSE) != sseKMS || !strings.HasPrefix(managed, "arn:aws:kms:") || managed == own {
		t.Errorf("%v", put.Header)
	}
	if got := w.get(writer, "/shared/k"); got.Body != "hello" || got.Header.Get(headerKeyID) != managed {
		t.Errorf("%q %v", got.Body, got.Header)
	}
	w.encryptBy(own, "false")
	if again := w.put(writer, "/shared/k", "x", headerSSE, sseKMS); again.Header.Get(headerKeyID) != managed { // not the bucket's
		t.Errorf("%d %v", again.Status, again.Header)
	}
	w.put(writer, "/shared/k", "x").is(t, 403, "AccessDenied")
	denied := w.role("denied", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Deny","Action":"kms:Decrypt","Resource":"*"}]}`)
	w.get(denied, "/shared/k").is(t, 403, "AccessDenied")
}

// What lies on disk tells nothing of what was stored.
func TestDiskHoldsNoPlaintext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	secret := strings.Repeat("do not read this ", 10_000)
	w.put(w.root, "/shared/k", secret).is(t, 200, "")
	seen := 0
	err := filepath.WalkDir(w.home, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if bytes.Contains(raw, []byte("do not read this")) {
			t.Errorf("%s holds the content", path)
		}
		seen += len(raw)
		return err
	})
	if err != nil || seen < len(secret) {
		t.Errorf("%d bytes seen, %v", seen, err)
	}
}

// A damaged file is never served: the answer is an error, or breaks off.
func TestDamagedObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(w.root, "/shared/k", strings.Repeat("x", 100_000)).is(t, 200, "")
	err := filepath.WalkDir(filepath.Join(w.home, "blobs"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil || len(raw) == 0 {
			return err // gone, or a file that no object has yet
		}
		raw[500] ^= 1
		return os.WriteFile(path, raw, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	w.get(w.root, "/shared/k").is(t, 500, "InternalError")
	w.get(w.root, "/shared/k", "Range", "bytes=0-0").is(t, 500, "InternalError")
}
