package decisions_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/managedcas/managedcas/internal/emulator/journal"
)

// claim is what a signature says: who, for what, when.
type claim struct {
	key             aws.Credentials
	service, region string
	at              time.Time
	unsigned        bool
	tamper          func(*http.Request) // after signing
}

// ask is a harmless request to a service as it is before it is signed.
type ask struct {
	method, url, body string
	header            http.Header
}

// asks are one request for each service that the root user may make.
func asks() map[string]ask {
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	return map[string]ask{
		"s3":        {"GET", "https://" + bucket + ".s3." + region + ".amazonaws.com/orgA/x", "", http.Header{}},
		"s3control": {"GET", "https://" + account + ".s3-control." + region + ".amazonaws.com/v20180820/accesspoint", "", http.Header{"X-Amz-Account-Id": {account}}},
		"sts":       {"POST", "https://sts." + region + ".amazonaws.com/", "Action=GetCallerIdentity&Version=2011-06-15", form},
		"iam":       {"POST", "https://iam.amazonaws.com/", "Action=ListRoles&Version=2010-05-08", form},
		"kms": {"POST", "https://kms." + region + ".amazonaws.com/", "{}", http.Header{
			"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {"TrentService.ListKeys"},
		}},
	}
}

// rightful is the claim under which an ask succeeds.
func (w *world) rightful(service string) claim {
	root := w.aws.RootCredentials()
	c := claim{key: aws.Credentials{AccessKeyID: root.AccessKeyID, SecretAccessKey: root.SecretAccessKey}, service: service, region: region, at: time.Now()}
	switch service {
	case "s3control":
		c.service = "s3"
	case "iam":
		c.region = "us-east-1" // where IAM has its control plane
	}
	return c
}

// send makes the request under the claim and returns the answer and its journal
// entry.
func (w *world) send(t *testing.T, a ask, c claim) (status int, body string, entry journal.Entry) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), a.method, a.url, strings.NewReader(a.body))
	w.must(err)
	r.Header = a.header.Clone()
	sum := sha256.Sum256([]byte(a.body))
	hash := hex.EncodeToString(sum[:])
	if c.service == "s3" {
		r.Header.Set("X-Amz-Content-Sha256", hash)
	}
	if !c.unsigned {
		asS3 := func(o *v4.SignerOptions) { o.DisableURIPathEscaping = c.service == "s3" }
		w.must(v4.NewSigner().SignHTTP(t.Context(), c.key, r, hash, c.service, c.region, c.at, asS3))
	}
	if c.tamper != nil {
		c.tamper(r)
	}
	res, err := w.dial().RoundTrip(r)
	w.must(err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	w.must(err)
	entries := w.aws.Journal().Entries(journal.Filter{RequestID: res.Header.Get("X-Amz-Request-Id")})
	if len(entries) != 1 {
		t.Fatalf("%d entries in the journal", len(entries))
	}
	return res.StatusCode, string(raw), entries[0]
}
