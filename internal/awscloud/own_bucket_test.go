package awscloud

import (
	"net/http"
	"testing"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// refused is a network that keeps the request and answers with AccessDenied.
type refused struct{ got *http.Request }

func (r *refused) RoundTrip(req *http.Request) (*http.Response, error) {
	r.got = req
	return &http.Response{StatusCode: http.StatusForbidden, Header: http.Header{"X-Amz-Request-Id": {"1"}}, Body: http.NoBody, Request: req}, nil
}

// In an own bucket every request names the account that must own it, and goes to its Region.
func TestAnOwnBucketIsItsAccounts(t *testing.T) {
	t.Parallel()
	network := &refused{}
	c, err := New(t.Context(), Config{
		Region: "eu-west-1", AccountID: "123456789012", Transport: network, Credentials: StaticCredentials("AKIAEXAMPLE", "secret"),
	})
	if err != nil {
		t.Fatal(err)
	}
	tenant := tenancy.Installation{Partition: "aws", AccountID: "123456789012", Region: "eu-west-1", APPrefix: "cas-"}.Tenant(org.NewID())
	s := session.Session{
		Tenant: tenant, Credentials: session.Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "secret", SessionToken: "token"},
		Bucket: tenancy.OwnBucket{Name: "acme-artifacts", Region: "ap-southeast-2", RoleARN: "arn:aws:iam::999999999999:role/x"},
	}
	if _, err := c.Objects(s).Exists(t.Context(), "k"); err == nil {
		t.Error("it was not refused")
	}
	if host := network.got.URL.Host; host != "acme-artifacts.s3.ap-southeast-2.amazonaws.com" {
		t.Errorf("it went to %s", host)
	}
	if owner := network.got.Header.Get("X-Amz-Expected-Bucket-Owner"); owner != "999999999999" {
		t.Errorf("the owner is to be %q", owner)
	}
	s.Bucket = tenancy.OwnBucket{} // the managed storage, with the same credentials
	if _, err := c.Objects(s).Exists(t.Context(), "k"); err == nil || network.got.Header.Get("X-Amz-Expected-Bucket-Owner") != "" {
		t.Errorf("%v, of the managed storage the owner is to be %q", err, network.got.Header.Get("X-Amz-Expected-Bucket-Owner"))
	}
}
