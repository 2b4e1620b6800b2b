package s3api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A deletion with a condition takes the permission to read what it compares with
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-delete-enforce.html).
func TestConditionalDelete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	etag := w.put(w.root, "/shared/k", "x").Header.Get("ETag")
	within := []string{"arn:aws:s3:::shared/*"}
	only := w.allowing("only", []string{"s3:DeleteObject"}, within)
	both := w.allowing("both", []string{"s3:DeleteObject", "s3:GetObject"}, within)
	several := func(key, match string) string {
		return fmt.Sprintf(`<Delete><Object><Key>%s</Key><ETag>%s</ETag></Object></Delete>`, key, match)
	}
	w.do(only, "DELETE", "/shared/k", "", "If-Match", etag).is(t, 403, "AccessDenied")
	w.do(only, "DELETE", "/shared/k", "", "If-Match", `"guess"`).is(t, 403, "AccessDenied")
	w.do(both, "DELETE", "/shared/k", "", "If-Match", `"guess"`).is(t, 412, "PreconditionFailed")
	w.do(both, "DELETE", "/shared/none", "", "If-Match", etag).is(t, 404, "NoSuchKey")
	for _, tc := range []struct{ body, code string }{
		{several("k", "guess"), "PreconditionFailed"},
		{several("none", "guess"), "NoSuchKey"},
		{`<Delete><Object><Key>k</Key><Size>1</Size></Object></Delete>`, "NotImplemented"},
		{`<Delete><Object><Key>k</Key><VersionId>null</VersionId><ETag>*</ETag></Object></Delete>`, "NotImplemented"},
	} {
		var out deleteResult
		w.do(w.root, "POST", "/shared?delete", tc.body).into(t, &out)
		if len(out.Errors) != 1 || out.Errors[0].Code != tc.code || len(out.Deleted) != 0 {
			t.Errorf("%s: %+v", tc.body, out)
		}
	}
	if got := w.do(only, "POST", "/shared?delete", several("k", strings.Trim(etag, `"`))); !strings.Contains(got.Body, "AccessDenied") {
		t.Errorf("%s", got.Body)
	}
	w.get(w.root, "/shared/k").is(t, 200, "")
	var out deleteResult
	w.do(both, "POST", "/shared?delete", several("k", strings.Trim(etag, `"`))).into(t, &out)
	if diff := cmp.Diff([]deletedKey{{Key: "k"}}, out.Deleted); diff != "" {
		t.Error(diff)
	}
	w.put(w.root, "/shared/k", "x").is(t, 200, "")
	w.do(only, "DELETE", "/shared/k", "", "If-Match", "*").is(t, 204, "")
	w.noOrphans()
}

// A deletion may be demanded to have a condition
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-delete-enforce.html).
func TestConditionalDeleteIsEnforced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	careful := w.role("careful", statement(`"Effect":"Allow","Action":"s3:DeleteObject","Resource":"*","Condition":{"Null":{"s3:if-match":"false"}}`))
	for _, tc := range []struct {
		header, element string
		code            string
	}{{"", "", "AccessDenied"}, {"*", "<ETag>*</ETag>", ""}} {
		w.put(w.root, "/shared/k", "x").is(t, 200, "")
		if got := w.do(careful, "POST", "/shared?delete", "<Delete><Object><Key>k</Key>"+tc.element+"</Object></Delete>"); strings.Contains(got.Body, "<Error>") != (tc.code != "") {
			t.Errorf("%q: %s", tc.element, got.Body)
		}
		w.put(w.root, "/shared/k", "x").is(t, 200, "")
		if got := w.do(careful, "DELETE", "/shared/k", "", "If-Match", tc.header); got.Code != tc.code {
			t.Errorf("%q: %d %s", tc.header, got.Status, got.Code)
		}
	}
}
