package s3api

import (
	"crypto/md5"
	"strings"
	"testing"
)

// These three are refused on AWS without a checksum of their document, and the tagging
// of an object is not, though the SDKs' model asks for one there, too (seen on AWS:
// https://github.com/versity/versitygw/issues/1040, …/issues/1521 and …/issues/1662;
// https://github.com/awslabs/aws-sdk-rust/issues/121).
func TestDocumentsThatNeedAChecksum(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(w.root, "/shared/k", "x").is(t, 200, "")
	const tags = `<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>`
	for _, tc := range []struct {
		method, path, body string
		needs              bool
		status             int
	}{
		{"POST", "/shared?delete", `<Delete><Object><Key>k</Key></Object></Delete>`, true, 200},
		{"PUT", "/shared?tagging", tags, true, 204},
		{"PUT", "/shared?lifecycle", `<LifecycleConfiguration><Rule><Status>Enabled</Status><Prefix/><Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>`, true, 200},
		{"PUT", "/shared/k?tagging", tags, false, 200},
	} {
		if tc.needs {
			w.do(w.root, tc.method, tc.path, tc.body, "Content-MD5", "").is(t, 400, "InvalidRequest")
			w.get(w.root, "/shared/k").is(t, 200, "")
		} else {
			w.do(w.root, tc.method, tc.path, tc.body, "Content-MD5", "").is(t, tc.status, "")
		}
		w.do(w.root, tc.method, tc.path, tc.body, "Content-MD5", b64(make([]byte, md5.Size))).is(t, 400, "BadDigest")
		w.do(w.root, tc.method, tc.path, tc.body, "x-amz-checksum-sha256", sha256Of(tc.body)).is(t, tc.status, "")
		w.put(w.root, "/shared/k", "x").is(t, 200, "")
		w.do(w.root, tc.method, tc.path, tc.body).is(t, tc.status, "")
		w.put(w.root, "/shared/k", "x").is(t, 200, "")
	}
}

// What no object can be called is not deleted either: a delete marker of such a name
// could not even be addressed.
func TestMultiDeleteOfImpossibleKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.versioning("Enabled")
	w.put(w.root, "/shared/k", "x").is(t, 200, "")
	naming := func(key string) string {
		return `<Delete><Object><Key>` + key + `</Key></Object><Object><Key>k</Key></Object></Delete>`
	}
	w.do(w.root, "POST", "/shared?delete", naming("")).is(t, 400, "MalformedXML")
	w.get(w.root, "/shared/k").is(t, 200, "")
	for _, length := range []int{maxKey + 1, 1 << 16} {
		var out deleteResult
		w.do(w.root, "POST", "/shared?delete", naming(strings.Repeat("a", length))).into(t, &out)
		if len(out.Errors) != 1 || out.Errors[0].Code != "KeyTooLongError" || len(out.Deleted) != 1 {
			t.Errorf("%d bytes: %+v", length, out)
		}
	}
	if got := w.get(w.root, "/shared?versions&prefix=a"); strings.Contains(got.Body, "DeleteMarker") {
		t.Error(got.Body)
	}
}

// An owner that is not the bucket's fails the whole request, as it does with any other
// operation (https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html).
func TestMultiDeleteExpectsAnOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(w.root, "/shared/k", "x").is(t, 200, "")
	const body = `<Delete><Object><Key>k</Key></Object></Delete>`
	w.do(w.root, "POST", "/shared?delete", body, "x-amz-expected-bucket-owner", "999999999999").is(t, 403, "AccessDenied")
	w.get(w.root, "/shared/k").is(t, 200, "")
	w.do(w.root, "POST", "/shared?delete", body, "x-amz-expected-bucket-owner", account).is(t, 200, "")
}
