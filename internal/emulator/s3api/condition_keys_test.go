package s3api

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// A header is a condition key of those actions only that AWS lists it for
// (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html):
// a caller must not reach another action by sending it along.
func TestConditionKeysOfOtherActions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	etag := w.put(w.root, "/shared/k", "x").Header.Get("ETag")
	when := func(name, key, value string) *api.Caller {
		return w.role(name, statement(fmt.Sprintf(`"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringLike":{"%s":"%s"}}`, key, value)))
	}
	encrypted := when("encrypted", "s3:x-amz-server-side-encryption", "AES256")
	private := when("private", "s3:x-amz-acl", "bucket-owner-full-control")
	prefixed := when("prefixed", "s3:prefix", "a/*")
	careful := when("careful", "s3:if-match", "*")
	creating := when("creating", "s3:ObjectCreationOperation", "true")

	w.put(encrypted, "/shared/new", "x", "x-amz-server-side-encryption", "AES256").is(t, 200, "")
	w.put(encrypted, "/shared/new", "x").is(t, 403, "AccessDenied")
	w.do(encrypted, "DELETE", "/shared/k", "", "x-amz-server-side-encryption", "AES256").is(t, 403, "AccessDenied")
	w.put(encrypted, "/shared/new", "x", "x-amz-server-side-encryption", "AES256", "x-amz-tagging", "a=b").is(t, 403, "AccessDenied")
	w.put(encrypted, "/shared/k", "x", "x-amz-server-side-encryption", "AES256", "If-Match", etag).is(t, 403, "AccessDenied")
	w.put(creating, "/shared/new", "x").is(t, 200, "")
	w.put(creating, "/shared/new", "x", "x-amz-tagging", "a=b").is(t, 403, "AccessDenied")

	w.put(private, "/shared/new", "x", "x-amz-acl", "bucket-owner-full-control").is(t, 200, "") // s3:PutObject and s3:PutObjectAcl have it
	w.do(private, "DELETE", "/shared/k", "", "x-amz-acl", "bucket-owner-full-control").is(t, 403, "AccessDenied")

	w.get(prefixed, "/shared?list-type=2&prefix=a/b").is(t, 200, "")
	w.get(prefixed, "/shared?versions&prefix=a/b").is(t, 200, "")
	w.get(prefixed, "/shared?uploads&prefix=a/b").is(t, 403, "AccessDenied")

	w.do(careful, "DELETE", "/shared/new", "", "If-Match", "*").is(t, 204, "")
	w.do(careful, "DELETE", "/shared/k", "", "If-Match", etag).is(t, 403, "AccessDenied") // s3:GetObject does not have it
	w.get(w.root, "/shared/k").is(t, 200, "")
}

// An ETag that is empty is one that no object has, and not the absence of a condition.
func TestEmptyETagIsACondition(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(w.root, "/shared/k", "old").is(t, 200, "")
	const empty = `""`
	w.put(w.root, "/shared/k", "new", "If-Match", empty).is(t, 412, "PreconditionFailed")
	w.put(w.root, "/shared/none", "new", "If-Match", empty).is(t, 404, "NoSuchKey")
	w.copy(w.root, "shared/k", "/shared/k", "x-amz-metadata-directive", "REPLACE", "If-Match", empty).is(t, 412, "PreconditionFailed")
	w.do(w.root, "DELETE", "/shared/k", "", "If-Match", empty).is(t, 412, "PreconditionFailed")
	var out deleteResult
	w.do(w.root, "POST", "/shared?delete", `<Delete><Object><Key>k</Key><ETag>""</ETag></Object></Delete>`).into(t, &out)
	if len(out.Errors) != 1 || out.Errors[0].Code != "PreconditionFailed" {
		t.Errorf("%+v", out)
	}
	if got := w.get(w.root, "/shared/k"); got.Body != "old" {
		t.Errorf("%d %q", got.Status, got.Body)
	}
}

// A signer who moves the source of a copy to the query asks for a copy in every respect:
// faults and the journal go by the operation's name.
func TestPresignedCopyIsCalledACopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(w.root, "/shared/k", "x").is(t, 200, "")
	r := httptest.NewRequestWithContext(t.Context(), "PUT", "http://127.0.0.1/shared/new?X-Amz-Copy-Source=shared%2Fk&X-Amz-Signature=0", nil)
	got := w.serve(w.root, r, &api.Request{Presigned: true, Body: strings.NewReader("")})
	got.is(t, 200, "")
	if got.Req.Operation != "CopyObject" || !strings.Contains(got.Body, "CopyObjectResult") {
		t.Errorf("%s: %s", got.Req.Operation, got.Body)
	}
}
