package s3api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
)

// requestHeaders are the headers whose values are condition keys of writing actions:
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html.
var requestHeaders = [...]string{
	"x-amz-acl", "x-amz-grant-full-control", "x-amz-grant-read", "x-amz-grant-read-acp",
	"x-amz-grant-write", "x-amz-grant-write-acp", "x-amz-copy-source", "x-amz-metadata-directive",
	"x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id",
	"x-amz-server-side-encryption-customer-algorithm", "x-amz-storage-class",
	"x-amz-website-redirect-location", "x-amz-object-ownership", "if-match", "if-none-match",
}

// headerKeys sets the condition keys that are headers of the request.
func headerKeys(r *http.Request) keysOf {
	return func(keys iam.Context) {
		for _, name := range requestHeaders {
			if values := r.Header.Values(name); len(values) > 0 {
				keys.Set("s3:"+name, values...)
			}
		}
	}
}

// writing sets the keys of s3:PutObject. Makes says whether the request makes an
// object: it does not when it begins or fills a multipart upload (facts AWS §7.2).
func writing(r *http.Request, makes bool) []keysOf {
	value := "false"
	if makes {
		value = "true"
	}
	return []keysOf{headerKeys(r), func(keys iam.Context) { keys.Set(creates, value) }}
}

const creates = "s3:ObjectCreationOperation"

var aclHeaders = []string{
	"x-amz-acl", "x-amz-grant-full-control", "x-amz-grant-read", "x-amz-grant-read-acp",
	"x-amz-grant-write", "x-amz-grant-write-acp",
}

// headersOf are the headers that are condition keys of each action, by the same
// reference. Other actions have none: a caller must not meet a policy's condition by a
// header that means nothing to what it does.
var headersOf = map[string][]string{
	"s3:PutObject": slices.DeleteFunc(slices.Clone(requestHeaders[:]), func(name string) bool {
		return name == "x-amz-object-ownership"
	}),
	"s3:PutObjectAcl": append([]string{"x-amz-storage-class"}, aclHeaders...),
	"s3:CreateBucket": append([]string{"x-amz-object-ownership"}, aclHeaders...),
	"s3:DeleteObject": {"if-match"},
}

// dropForeign takes the keys of a request's headers that action does not have from its
// context: one request asks about several actions.
func dropForeign(action string, keys iam.Context) {
	for key := range keys {
		name, ok := strings.CutPrefix(key, "s3:")
		if ok && slices.Contains(requestHeaders[:], name) && !slices.Contains(headersOf[action], name) {
			keys.Set(key)
		}
	}
	if action != "s3:PutObject" {
		keys.Set(creates)
	}
}
