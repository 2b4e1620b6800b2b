package s3api

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// unhex writes a digest as S3 does.
func unhex(t *testing.T, digits string) string {
	t.Helper()
	raw, err := hex.DecodeString(digits)
	if err != nil {
		t.Fatal(err)
	}
	return b64(raw)
}

// The digests of "hello world" as the algorithms' own tools print them: xxhsum -H1, -H3
// and -H2, sha512sum, md5sum. The first is also what S3 takes, in base64 "RatnNLIeaWg="
// (https://github.com/aws/aws-sdk-go-v2/issues/3404).
var ofHelloWorld = map[string]string{
	"XXHASH64":  "45ab6734b21e6968",
	"XXHASH3":   "d447b1ea40e6988b",
	"XXHASH128": "df8d09e93f874900a99b8775cc15b6c7",
	"SHA512": "309ecc489c12d6eb4cc40f50c902f2b4d0ed77ee511a7c7a9bcd3ca86d4cd86f" +
		"989dd35bc5ff499670da34255b45b0cfd830e81f605dcf7dc5542e93ae9cd76f",
	"MD5": "5eb63bbbe01eeed093cb22bb8f5acdc3",
}

// The algorithms of 2026, everywhere a checksum is sent or told.
func TestYoungerChecksums(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, digits := range ofHelloWorld {
		header, value := "x-amz-checksum-"+strings.ToLower(name), unhex(t, digits)
		path := "/shared/" + name
		put := w.put(w.root, path, "hello world", header, value)
		put.is(t, 200, "")
		if put.Header.Get(header) != value {
			t.Errorf("%s: put: %v", name, put.Header)
		}
		if got := w.get(w.root, path, "x-amz-checksum-mode", "ENABLED"); got.Header.Get(header) != value || got.Header.Get("x-amz-checksum-type") != fullObject {
			t.Errorf("%s: get: %v", name, got.Header)
		}
		w.put(w.root, path, "hello w0rld", header, value).is(t, 400, "BadDigest")

		trailing := httptest.NewRequestWithContext(t.Context(), "PUT", "http://127.0.0.1/shared/trailing", nil)
		trailing.Header.Set("X-Amz-Trailer", header)
		for sent, code := range map[string]string{"hello world": "", "hello w0rld": "BadDigest"} {
			got := w.serve(w.root, trailing, &api.Request{Body: strings.NewReader(sent), BodyLength: int64(len(sent)), Trailer: func() http.Header {
				return http.Header{http.CanonicalHeaderKey(header): {value}}
			}})
			if got.Code != code {
				t.Errorf("%s in a trailer of %q: %s", name, sent, got.Body)
			}
		}
		element := fmt.Sprintf("<Checksum%s>%s</Checksum%s>", name, value, name)
		if got := w.get(w.root, path+"?attributes", headerAttributes, "Checksum"); !strings.Contains(got.Body, element) {
			t.Errorf("%s: attributes: %s", name, got.Body)
		}
		if got := w.get(w.root, "/shared?list-type=2&prefix="+name); !strings.Contains(got.Body, "<ChecksumAlgorithm>"+name+"</ChecksumAlgorithm>") {
			t.Errorf("%s: list: %s", name, got.Body)
		}
		w.put(w.root, "/shared/plain", "hello world").is(t, 200, "")
		copied := w.put(w.root, "/shared/copy", "", "x-amz-copy-source", "/shared/plain", "x-amz-checksum-algorithm", name)
		if !strings.Contains(copied.Body, element) {
			t.Errorf("%s: copy: %s", name, copied.Body)
		}
	}
}

// A multipart upload has a composite checksum of them: the digest of the parts' digests.
func TestYoungerCompositeChecksums(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := bytes.Repeat([]byte("a"), minPart), []byte("the end")
	for name := range ofHelloWorld {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, err := algorithmNamed(name)
			if err != nil {
				t.Fatal(err)
			}
			sum := func(b ...[]byte) []byte {
				h := a.new()
				for _, b := range b {
					h.Write(b)
				}
				return h.Sum(nil)
			}
			one, two := b64(sum(first)), b64(sum(second))
			whole := b64(sum(sum(first), sum(second))) + "-2"
			begin := []string{"x-amz-checksum-algorithm", name}
			w.do(w.root, "POST", "/shared/"+name+"?uploads", "", append(begin, "x-amz-checksum-type", fullObject)...).is(t, 400, "InvalidRequest")
			upload := w.begin(name, begin...)
			w.part(upload, 2, second).is(t, 400, "InvalidRequest") // without its checksum
			p1, p2 := w.part(upload, 1, first, a.header(), one), w.part(upload, 2, second, a.header(), two)
			p2.is(t, 200, "")
			element := func(value string) string { return fmt.Sprintf("<Checksum%s>%s</Checksum%s>", name, value, name) }
			if got := w.get(w.root, upload); !strings.Contains(got.Body, element(two)) || !strings.Contains(got.Body, "<ChecksumAlgorithm>"+name) {
				t.Errorf("parts: %s", got.Body)
			}
			if got := w.get(w.root, "/shared?uploads&prefix="+name); !strings.Contains(got.Body, "<ChecksumType>COMPOSITE") {
				t.Errorf("uploads: %s", got.Body)
			}
			list := fmt.Sprintf("<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>%s</ETag>%s</Part><Part><PartNumber>2</PartNumber><ETag>%s</ETag>%s</Part></CompleteMultipartUpload>",
				p1.Header.Get("ETag"), element(one), p2.Header.Get("ETag"), element(two))
			w.do(w.root, "POST", upload, strings.Replace(list, element(two), "", 1)).is(t, 400, "InvalidRequest")
			w.do(w.root, "POST", upload, list, a.header(), one+"-2").is(t, 400, "BadDigest")
			done := w.do(w.root, "POST", upload, list, a.header(), whole)
			if !strings.Contains(done.Body, element(whole)) || !strings.Contains(done.Body, "<ChecksumType>COMPOSITE") {
				t.Errorf("complete: %s", done.Body)
			}
			got := w.get(w.root, "/shared/"+name+"?attributes", headerAttributes, "Checksum,ObjectParts")
			for _, want := range []string{element(whole), element(one), element(two)} {
				if !strings.Contains(got.Body, want) {
					t.Errorf("attributes lack %s: %s", want, got.Body)
				}
			}
		})
	}
}
