package s3api

import (
	"strings"
	"testing"
)

// An upload is reached by its own key and its own id, whatever bytes a request has in
// their place: keys may hold the byte that separates the two in the store.
func TestUploadOfAnotherKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	theirs := w.begin("a%00b")
	_, id, _ := strings.Cut(theirs, "uploadId=")
	only := w.allowing("only", []string{"s3:*"}, []string{"arn:aws:s3:::shared/a"})
	w.get(only, theirs).is(t, 403, "AccessDenied")
	mine := "/shared/a?uploadId=b%00" + id
	w.get(only, mine).is(t, 404, "NoSuchUpload")
	w.put(only, mine+"&partNumber=1", "x").is(t, 404, "NoSuchUpload")
	w.do(only, "DELETE", mine, "").is(t, 404, "NoSuchUpload")
	w.get(w.root, theirs).is(t, 200, "")
}

// What AWS refuses of the steps of an upload must not be ignored: a condition is one of
// the last step (https://github.com/aws/aws-sdk-js-v3/issues/8020 saw the first refuse
// it), and SSE-C is not here at all.
func TestUploadsRefuseWhatTheyCannotDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	etag := w.put(w.root, "/shared/k", "x").Header.Get("ETag")
	upload := w.begin("k")
	part := w.part(upload, 1, []byte("y"))
	const ssec, ssecSource = "x-amz-server-side-encryption-customer-algorithm", "x-amz-copy-source-server-side-encryption-customer-algorithm"
	for _, tc := range []struct {
		method, path, body string
		headers            []string
	}{
		{"POST", "/shared/k?uploads", "", []string{"If-None-Match", "*"}},
		{"POST", "/shared/k?uploads", "", []string{"If-Match", etag}},
		{"POST", "/shared/k?uploads", "", []string{ssec, "AES256"}},
		{"PUT", upload + "&partNumber=1", "z", []string{"If-None-Match", "*"}},
		{"PUT", upload + "&partNumber=1", "z", []string{"If-Match", etag}},
		{"PUT", upload + "&partNumber=1", "z", []string{ssec, "AES256"}},
		{"PUT", upload + "&partNumber=1", "", []string{"x-amz-copy-source", "shared/k", "If-None-Match", "*"}},
		{"PUT", upload + "&partNumber=1", "", []string{"x-amz-copy-source", "shared/k", ssec, "AES256"}},
		{"PUT", upload + "&partNumber=1", "", []string{"x-amz-copy-source", "shared/k", ssecSource, "AES256"}},
		{"POST", upload, completion(part), []string{ssec, "AES256"}},
		{"GET", upload, "", []string{ssec, "AES256"}},
	} {
		got := w.do(w.root, tc.method, tc.path, tc.body, tc.headers...)
		if got.Status != 501 || got.Code != "NotImplemented" {
			t.Errorf("%s %v: %d %s", got.Req.Operation, tc.headers, got.Status, got.Code)
		}
	}
	w.do(w.root, "POST", upload, completion(part), "If-Match", etag).is(t, 200, "")
	if got := w.get(w.root, "/shared/k"); got.Body != "y" {
		t.Errorf("%q", got.Body)
	}
}
