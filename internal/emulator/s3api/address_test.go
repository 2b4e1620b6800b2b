package s3api

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	as := newAddresses([]string{"aws.default.svc"})
	bucket := func(name, key string) address { return address{bucket: name, key: key, hasKey: key != ""} }
	ap := func(name, key string) address {
		return address{accessPoint: name, account: "123456789012", key: key, hasKey: key != ""}
	}
	for _, tc := range []struct {
		url    string
		want   address
		source string
	}{
		{"http://127.0.0.1:4566/", address{}, "ListBuckets"},
		{"http://127.0.0.1:4566/b", bucket("b", ""), "path style"},
		{"http://127.0.0.1:4566/b/", bucket("b", ""), "path style"},
		{"http://127.0.0.1:4566/b/k", bucket("b", "k"), "path style"},
		{"http://[::1]:4566/b/k", bucket("b", "k"), "path style"},
		{"http://localhost:4566/b/k", bucket("b", "k"), "path style"},
		{"http://s3.localhost:4566/b/k", bucket("b", "k"), "clients §1"},
		{"http://aws.default.svc/b/k", bucket("b", "k"), "a configured host"},
		{"http://b.aws.default.svc/k", bucket("b", "k"), "a configured host"},
		{"http://b.localhost:4566/k", bucket("b", "k"), "clients §1: Go at localhost"},
		{"http://B.LocalHost./k", bucket("b", "k"), "host names have no case"},
		{"http://my.bucket.s3.localhost/k", bucket("my.bucket", "k"), "dots are allowed"},
		{"http://b.127.0.0.1:4566/k", bucket("b", "k"), "clients §1"},
		{"http://10.0.0.7:4566/b/k", bucket("b", "k"), "an address listened on"},
		{"http://tenant-a-123456789012.127.0.0.1:4566/k", ap("tenant-a", "k"), "AWS §1.1: custom endpoint"},
		{"http://tenant-a-123456789012.localhost:4566/", ap("tenant-a", ""), "clients §1"},
		{"http://tenant-a-123456789012.s3.localhost:4566/k", ap("tenant-a", "k"), "clients §1"},
		{"http://tenant-a-123456789012.s3-accesspoint.us-west-2.amazonaws.com/k", ap("tenant-a", "k"), "AWS §1.1"},
		{"http://tenant-a-123456789012.s3-accesspoint-fips.us-west-2.amazonaws.com/k", ap("tenant-a", "k"), "AWS §1.1"},
		{"http://tenant-a-123456789012.s3-accesspoint.dualstack.us-west-2.amazonaws.com/k", ap("tenant-a", "k"), "AWS §1.1"},
		{"http://tenant-a-123456789012.s3-accesspoint-fips.dualstack.us-west-2.amazonaws.com/k", ap("tenant-a", "k"), "AWS §1.1"},
		{"http://a-000000000000-123456789012.localhost/k", ap("a-000000000000", "k"), "AWS §11.1: the last dash"},
		{"http://s3.us-west-2.amazonaws.com/b/k", bucket("b", "k"), "AWS's path style"},
		{"http://s3.amazonaws.com/b/k", bucket("b", "k"), "AWS's global endpoint"},
		{"http://b.s3.us-west-2.amazonaws.com/k", bucket("b", "k"), "AWS's virtual host"},
		{"http://b.s3.dualstack.us-west-2.amazonaws.com/k", bucket("b", "k"), "AWS's virtual host"},
		{"http://b.s3.x.s3.us-west-2.amazonaws.com/k", bucket("b.s3.x", "k"), "a name with s3 in it"},
		{"http://x-abc-s3alias.s3.us-west-2.amazonaws.com/k", bucket("x-abc-s3alias", "k"), "AWS §1.1: alias"},
		{"http://127.0.0.1/tenant-a-123456789012/k", bucket("tenant-a-123456789012", "k"), "AWS §1.1: no path style for access points"},

		{"http://127.0.0.1/b//k", bucket("b", "/k"), "keys are exact"},
		{"http://127.0.0.1/b/../k", bucket("b", "../k"), "keys are exact"},
		{"http://127.0.0.1/b/a/./k/", bucket("b", "a/./k/"), "keys are exact"},
		{"http://127.0.0.1/b/a%2Fk", bucket("b", "a/k"), "decoded once"},
		{"http://127.0.0.1/b/a%252Fk", bucket("b", "a%2Fk"), "decoded once"},
		{"http://127.0.0.1/b%2Fk", bucket("b/k", ""), "an encoded slash does not end the bucket"},
		{"http://127.0.0.1/b/a+b%2B%20", bucket("b", "a+b+ "), "plus is plus in a path"},
		{"http://127.0.0.1/b/sha256:ab%3F", bucket("b", "sha256:ab?"), "keys are exact"},
		{"http://b.localhost//k", bucket("b", "/k"), "keys are exact"},
		{"http://b.localhost/%00", bucket("b", "\x00"), "keys are exact"},
	} {
		got, err := as.of(httptest.NewRequest(http.MethodGet, tc.url, nil))
		if err != nil {
			t.Errorf("%s: %v", tc.url, err)
			continue
		}
		if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(address{})); diff != "" {
			t.Errorf("%s (%s):\n%s", tc.url, tc.source, diff)
		}
	}
	for _, bad := range []string{
		"http://127.0.0.1//k", "http://127.0.0.1/b/%FF", "http://b.localhost/" + strings.Repeat("k", 1025),
	} {
		if got, err := as.of(httptest.NewRequest(http.MethodGet, bad, nil)); err == nil {
			t.Errorf("%.40s: accepted as %+v", bad, got)
		}
	}
}

// FuzzKeyFromPath: however a client encodes a key, the key arrives as it is.
func FuzzKeyFromPath(f *testing.F) {
	for _, key := range []string{"k", "../k", "//", "a/./b", "%2F", "a b+c", "ä\x00", "?#[]", "."} {
		f.Add(key, false)
		f.Add(key, true)
	}
	as := newAddresses(nil)
	f.Fuzz(func(t *testing.T, key string, all bool) {
		escaped := (&url.URL{Path: "/b/" + key}).EscapedPath()
		if all {
			escaped = "/b/"
			for _, c := range []byte(key) {
				escaped += "%" + string("0123456789ABCDEF"[c>>4]) + string("0123456789ABCDEF"[c&15])
			}
		}
		u, err := url.ParseRequestURI(escaped)
		if err != nil {
			t.Fatalf("%q: %v", escaped, err)
		}
		at, err := as.of(&http.Request{Method: http.MethodGet, Host: "127.0.0.1", URL: u})
		switch valid := len(key) <= maxKey && utf8.ValidString(key); {
		case valid && err != nil:
			t.Fatalf("%q: %v", key, err)
		case !valid && err == nil:
			t.Fatalf("%q was accepted", key)
		case valid && (at.bucket != "b" || at.key != key):
			t.Fatalf("%q arrived as %q in %q", key, at.key, at.bucket)
		}
	})
}

// Names are AWS's rules, https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html.
func TestBucketNames(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"abc", "a-b", "my.bucket", "123", strings.Repeat("a", 63), "cas-12345678901"} {
		if err := checkBucketName(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "ab", strings.Repeat("a", 64), "Abc", "a_b", "-ab", "ab-", "a..b", "192.168.0.1", "xn--a", "sthree-a",
		"amzn-s3-demo-x", "a-s3alias", "a--ol-s3", "a.mrap", "a--x-s3", "a--table-s3", "a/b", "tenant-a-123456789012",
	} {
		if checkBucketName(bad) == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}
