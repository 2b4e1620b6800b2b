package awscloud

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
)

var whenSigned = regexp.MustCompile(`/\d{8}/|Signature=[0-9a-f]{64}`)

// What putter sends is what the SDK would send, small or large, but for what differs from
// call to call.
func TestPutIsTheSDKs(t *testing.T) {
	t.Parallel()
	type sent struct {
		Method, Host, URI, Body string
		Length                  int64
		Header                  http.Header
	}
	var got []sent
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for _, name := range []string{"Amz-Sdk-Invocation-Id", "X-Amz-Date", "User-Agent"} {
			if r.Header.Get(name) == "" {
				t.Errorf("no %s", name)
			}
			r.Header.Del(name)
		}
		// Scope and signed headers are to be the same, the signature is another each time.
		r.Header.Set("Authorization", whenSigned.ReplaceAllString(r.Header.Get("Authorization"), "~"))
		got = append(got, sent{r.Method, r.Host, r.RequestURI, string(body), r.ContentLength, r.Header})
	}))
	t.Cleanup(server.Close)
	c, err := New(t.Context(), Config{Region: "eu-west-1", AccountID: "123456789012", Endpoint: server.URL, Credentials: StaticCredentials("AKIAEXAMPLE", "secret")})
	if err != nil {
		t.Fatal(err)
	}
	own := s3.NewFromConfig(c.base, s3Options, func(o *s3.Options) {
		inBucket(o, session.Session{Bucket: tenancy.OwnBucket{Name: "acme.artifacts", Region: "ap-southeast-2", RoleARN: "arn:aws:iam::999999999999:role/x"}})
	})
	for _, o := range []*Objects{
		{s3: c.s3, accessPoint: "arn:aws:s3:eu-west-1:123456789012:accesspoint/tenant"},
		{s3: own, accessPoint: "acme.artifacts"}, // in the path
	} {
		p, err := newPutter(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range []int{0, 1, 4096, askFirstFrom - 1, askFirstFrom} {
			content := make([]byte, size)
			d := digest.Of(content)
			in := o.put("org/sha256:ä +"+d.Hex(), d, int64(size), cas.Label{FileName: "a b", MediaType: "text/plain", Uploader: "ci"})
			got = nil
			in.Body = bytes.NewReader(content)
			if _, err := o.s3.PutObject(t.Context(), in, signPayload(d.Hex()), askFirst); err != nil {
				t.Fatal(err)
			}
			in.Body = bytes.NewReader(content)
			if err := p.put(t.Context(), in, d.Hex()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got[0], got[1]); diff != "" {
				t.Errorf("%d bytes (-SDK +ours):\n%s\n%q", size, diff, slices.Sorted(maps.Keys(got[0].Header)))
			}
		}
	}
}

// An error that comes with status 200 is none the less one, and worth another attempt.
func TestPutThatFailsWithStatus200(t *testing.T) {
	t.Parallel()
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls++; calls == 1 {
			_, _ = io.WriteString(w, "<Error><Code>InternalError</Code><Message>why</Message></Error>")
		}
	}))
	t.Cleanup(server.Close)
	c, err := New(t.Context(), Config{Region: "eu-west-1", AccountID: "123456789012", Endpoint: server.URL, Credentials: StaticCredentials("AKIAEXAMPLE", "secret")})
	if err != nil {
		t.Fatal(err)
	}
	o := &Objects{s3: c.s3, accessPoint: "arn:aws:s3:eu-west-1:123456789012:accesspoint/tenant"}
	p, err := newPutter(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	in := o.put("k", digest.Of(nil), 0, cas.Label{})
	in.Body = bytes.NewReader(nil)
	if err := p.put(t.Context(), in, digest.Of(nil).Hex()); err != nil || calls != 2 {
		t.Errorf("%v after %d calls, want success after 2", err, calls)
	}
}
