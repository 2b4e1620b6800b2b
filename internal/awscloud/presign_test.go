package awscloud

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// What is signed for AWS itself, and where it goes. The embedded AWS has a name with
// labels, which curl and browsers need no resolver for.
func TestPresign(t *testing.T) {
	t.Parallel()
	id, err := org.ParseID("0f8fad5b-d9cb-469f-a165-70867728950e")
	if err != nil {
		t.Fatal(err)
	}
	tenant := tenancy.Installation{Partition: "aws", AccountID: "123456789012", Region: "eu-west-1", APPrefix: "cas-"}.Tenant(id)
	d := digest.Of([]byte("content"))
	for endpoint, host := range map[string]string{
		"":                         "https://cas-0f8fad5b-d9cb-469f-a165-70867728950e-123456789012.s3-accesspoint.eu-west-1.amazonaws.com",
		"http://127.0.0.1:4566":    "http://cas-0f8fad5b-d9cb-469f-a165-70867728950e-123456789012.localhost:4566",
		"https://s3.example.com:1": "https://cas-0f8fad5b-d9cb-469f-a165-70867728950e-123456789012.s3.example.com:1",
	} {
		c, err := New(t.Context(), Config{Region: "eu-west-1", AccountID: "123456789012", Endpoint: endpoint, Credentials: StaticCredentials("AKIAEXAMPLE", "secret")})
		if err != nil {
			t.Fatal(err)
		}
		objects := c.Objects(session.Session{Tenant: tenant, Credentials: session.Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "very-secret", SessionToken: "token"}})
		before := time.Now()
		put, err := objects.PresignPut(t.Context(), tenant.ObjectKey(d), d, 7, cas.Label{FileName: "ä"}, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		get, err := objects.PresignGet(t.Context(), tenant.ObjectKey(d), "ä b", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		for p, signed := range map[*cas.Presigned]string{
			&put: "content-length;content-type;host;if-none-match;x-amz-checksum-sha256;x-amz-meta-filename", &get: "host",
		} {
			u, err := url.Parse(p.URL)
			if err != nil {
				t.Fatal(err)
			}
			q := u.Query()
			if u.Scheme+"://"+u.Host != host || u.Path != "/"+tenant.ObjectKey(d) {
				t.Errorf("%s: %s", endpoint, p.URL)
			}
			if q.Get("X-Amz-SignedHeaders") != signed || q.Get("X-Amz-Expires") != "60" || q.Get("X-Amz-Security-Token") != "token" || strings.Contains(p.URL, "secret") {
				t.Errorf("%s: %s", endpoint, p.URL)
			}
			if p.ExpiresAt.Before(before.Add(59*time.Second)) || time.Until(p.ExpiresAt) > time.Minute {
				t.Errorf("expires %s after it was asked for", p.ExpiresAt.Sub(before))
			}
			if n := strings.Count(signed, ";"); len(p.Header) != n {
				t.Errorf("%d headers are to be sent, %d are signed: %v", len(p.Header), n, p.Header)
			}
		}
	}
}
