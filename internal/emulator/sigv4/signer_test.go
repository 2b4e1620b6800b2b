package sigv4

import (
	"bufio"
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go/encoding/httpbinding"
	"pgregory.net/rapid"
)

const (
	testSecret = "a secret of forty characters, more or less"
	testKey    = "ASIATESTTESTTESTTEST"
	testToken  = "a session/token+with=specials"
)

var testCredentials = aws.Credentials{AccessKeyID: testKey, SecretAccessKey: testSecret, SessionToken: testToken}

// overTheWire returns r as a server reads it.
func overTheWire(t interface{ Fatal(...any) }, r *http.Request) *http.Request {
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	got, err := http.ReadRequest(bufio.NewReader(&b))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// outgoing is a request as the SDK builds it: the path encoded by smithy.
func outgoing(t interface{ Fatal(...any) }, method, host, path string, query url.Values, body string) *http.Request {
	u := &url.URL{
		Scheme: "http", Host: host,
		Path: path, RawPath: httpbinding.EscapePath(path, false),
		RawQuery: strings.ReplaceAll(query.Encode(), "+", "%20"),
	}
	r, err := http.NewRequestWithContext(context.Background(), method, "http://"+host, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.URL = u
	return r
}

func signedByS3Client(t interface{ Fatal(...any) }, r *http.Request, payload string, at time.Time) *http.Request {
	r.Header.Set("X-Amz-Content-Sha256", payload)
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	if err := signer.SignHTTP(context.Background(), testCredentials, r, payload, "s3", "us-west-2", at); err != nil {
		t.Fatal(err)
	}
	return overTheWire(t, r)
}

// TestAgreesWithTheSDK signs requests with every kind of key and query as the SDK
// does and expects them to verify, and not to verify for anything else.
func TestAgreesWithTheSDK(t *testing.T) {
	t.Parallel()
	now := time.Now()
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringMatching(`[ -~é漢/%+.;:]{1,30}`).Draw(t, "key")
		query := url.Values{}
		for name, value := range rapid.MapOfN(rapid.StringMatching(`[a-zA-Z~ -]{1,8}`), rapid.StringMatching(`[ -~é]{0,8}`), 0, 4).Draw(t, "query") {
			query.Set(name, value)
		}
		r := outgoing(t, "PUT", "bucket.localhost:4566", "/"+key, query, "")
		r.Header.Set("X-Amz-Meta-Text", rapid.StringMatching(` {0,3}[!-~]{1,5} {0,3}[!-~]{1,5} `).Draw(t, "meta"))
		r = signedByS3Client(t, r, unsignedPayload, now)
		auth, err := Parse(r)
		if err != nil {
			t.Fatal(err)
		}
		if auth.AccessKeyID != testKey || auth.SessionToken != testToken || auth.Scope != (Scope{now.UTC().Format("20060102"), "us-west-2", "s3"}) {
			t.Fatalf("claims %+v", auth)
		}
		if _, err := auth.Verify(r, nil, testSecret, now); err != nil {
			t.Fatalf("%v\n%v", err, err.(*Error).Extra)
		}
		if r.URL.Path != "/"+key {
			t.Fatalf("the server sees the key %q, not %q", r.URL.Path, key)
		}
	})
}

func TestOtherServicesAgreeWithTheSDK(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ service, path, body string }{
		{"sts", "/", "Action=GetCallerIdentity&Version=2011-06-15"},
		{"iam", "/", "Action=ListRoles&Version=2010-05-08"},
		{"kms", "/", `{"KeyId":"alias/x"}`},
		{"iam", "/a b/ü%41/c", ""},
	} {
		t.Run(tc.service+tc.path, func(t *testing.T) {
			t.Parallel()
			r := outgoing(t, "POST", "127.0.0.1:4566", tc.path, nil, tc.body)
			now := time.Now()
			err := v4.NewSigner().SignHTTP(t.Context(), testCredentials, r, hexSHA256([]byte(tc.body)), tc.service, "us-west-2", now)
			if err != nil {
				t.Fatal(err)
			}
			r = overTheWire(t, r)
			auth, err := Parse(r)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := auth.Verify(r, []byte(tc.body), testSecret, now); err != nil {
				t.Error(err)
			}
			if _, err := auth.Verify(r, []byte(tc.body+"&"), testSecret, now); err == nil {
				t.Error("another body is accepted")
			}
		})
	}
}

func TestPresignedAgreesWithTheSDK(t *testing.T) {
	t.Parallel()
	signed := time.Now()
	r := outgoing(t, "GET", "ap-123456789012.s3-accesspoint.us-west-2.amazonaws.com", "/org/sha256:ab c", url.Values{"X-Amz-Expires": {"60"}}, "")
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	uri, _, err := signer.PresignHTTP(t.Context(), testCredentials, r, unsignedPayload, "s3", "us-west-2", signed)
	if err != nil {
		t.Fatal(err)
	}
	fetch, err := http.NewRequestWithContext(t.Context(), "GET", uri, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := overTheWire(t, fetch)
	auth, err := Parse(got)
	if err != nil {
		t.Fatal(err)
	}
	if auth.SessionToken != testToken || !auth.Presigned || auth.Expires != time.Minute {
		t.Errorf("claims %+v", auth)
	}
	for _, tc := range []struct {
		name string
		now  time.Time
		want Kind // 0: good
	}{
		{"at once", signed, 0},
		{"in its last second", signed.Add(59 * time.Second), 0},
		{"too late", signed.Add(61 * time.Second), Expired},
		{"client's clock a little ahead", signed.Add(-14 * time.Minute), 0},
		{"from the future", signed.Add(-16 * time.Minute), Expired},
	} {
		_, err := auth.Verify(got, nil, testSecret, tc.now)
		if kind(err) != tc.want {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

func kind(err error) Kind {
	if e, ok := err.(*Error); ok {
		return e.Kind
	}
	if err != nil {
		return -1
	}
	return 0
}
