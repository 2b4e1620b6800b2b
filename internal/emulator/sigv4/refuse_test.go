package sigv4

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestMutationsAreRefused changes every part of a signed request, one at a time.
func TestMutationsAreRefused(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, mutate := range map[string]func(*http.Request){
		"method":         func(r *http.Request) { r.Method = "DELETE" },
		"host":           func(r *http.Request) { r.Host = "other.localhost:4566" },
		"path":           func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/a/./b", "" },
		"path, one more": func(r *http.Request) { r.URL.Path += "/" },
		"query value":    func(r *http.Request) { r.URL.RawQuery = "x=2" },
		"query added":    func(r *http.Request) { r.URL.RawQuery += "&acl" },
		"query repeated": func(r *http.Request) { r.URL.RawQuery += "&x=1" },
		"query removed":  func(r *http.Request) { r.URL.RawQuery = "" },
		"signed header":  func(r *http.Request) { r.Header.Set("X-Amz-Meta-A", "2") },
		"header added":   func(r *http.Request) { r.Header.Set("X-Amz-Acl", "public-read") },
		"header removed": func(r *http.Request) { r.Header.Del("X-Amz-Meta-A") },
		"header again":   func(r *http.Request) { r.Header.Add("X-Amz-Meta-A", "1") },
		"payload hash":   func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", emptySHA256) },
		"date":           func(r *http.Request) { r.Header.Set("X-Amz-Date", now.Add(time.Minute).UTC().Format(timeFormat)) },
		"token":          func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "other") },
		"token removed":  func(r *http.Request) { r.Header.Del("X-Amz-Security-Token") },
		"region":         func(r *http.Request) { replaceAuth(r, "us-west-2", "us-east-1") },
		"service":        func(r *http.Request) { replaceAuth(r, "/s3/", "/sts/") },
		"scope date":     func(r *http.Request) { replaceAuth(r, now.UTC().Format("20060102"), "20200101") },
		"signature":      func(r *http.Request) { replaceAuth(r, "Signature=", "Signature=0") },
		"signed list":    func(r *http.Request) { replaceAuth(r, ";x-amz-meta-a", "") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := outgoing(t, "PUT", "bucket.localhost:4566", "/a/b", url.Values{"x": {"1"}}, "")
			r.Header.Set("X-Amz-Meta-A", "1")
			r = signedByS3Client(t, r, unsignedPayload, now)
			if err := check(r, now); err != nil {
				t.Fatalf("before the mutation: %v", err)
			}
			mutate(r)
			if err := check(r, now); err == nil {
				t.Error("accepted")
			}
		})
	}
}

func check(r *http.Request, now time.Time) error {
	auth, err := Parse(r)
	if err != nil {
		return err
	}
	if err := auth.CheckScope("s3", "us-west-2"); err != nil {
		return err
	}
	_, err = auth.Verify(r, nil, testSecret, now)
	return err
}

func replaceAuth(r *http.Request, old, with string) {
	r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, with, 1))
}

// TestCodes holds what is wrong with a request against the code that each protocol
// has for it. Sources: facts AWS §4.6 and the pages named at the table of answers.
func TestCodes(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, tc := range []struct {
		name           string
		mutate         func(*http.Request)
		kind           Kind
		s3, query, kms string
	}{
		{"no such scheme", func(r *http.Request) { replaceAuth(r, "AWS4-HMAC-SHA256", "Bearer") }, Unsupported, "InvalidRequest", "IncompleteSignature", "IncompleteSignatureException"},
		{"signature version 2", func(r *http.Request) { r.Header.Set("Authorization", "AWS key:signature") }, Unsupported, "InvalidRequest", "IncompleteSignature", "IncompleteSignatureException"},
		{"signature version 2 in the query", func(r *http.Request) {
			r.Header.Del("Authorization")
			r.URL.RawQuery = "AWSAccessKeyId=k&Signature=s&Expires=1"
		}, Unsupported, "InvalidRequest", "IncompleteSignature", "IncompleteSignatureException"},
		{"no credential", func(r *http.Request) { replaceAuth(r, "Credential=", "Cred=") }, Malformed, "AuthorizationHeaderMalformed", "IncompleteSignature", "IncompleteSignatureException"},
		{"short scope", func(r *http.Request) { replaceAuth(r, "/aws4_request", "") }, Malformed, "AuthorizationHeaderMalformed", "IncompleteSignature", "IncompleteSignatureException"},
		{"upper-case signed header", func(r *http.Request) { replaceAuth(r, "host;", "Host;") }, Malformed, "AuthorizationHeaderMalformed", "IncompleteSignature", "IncompleteSignatureException"},
		{"host not signed", func(r *http.Request) { replaceAuth(r, "host;", "") }, Malformed, "AuthorizationHeaderMalformed", "IncompleteSignature", "IncompleteSignatureException"},
		{"both forms", func(r *http.Request) { r.URL.RawQuery = "X-Amz-Signature=0" }, TwoSignatures, "InvalidArgument", "IncompleteSignature", "IncompleteSignatureException"},
		{"no date", func(r *http.Request) { r.Header.Del("X-Amz-Date") }, NoDate, "AccessDenied", "IncompleteSignature", "IncompleteSignatureException"},
		{"unsigned header", func(r *http.Request) { r.Header.Set("X-Amz-Acl", "private") }, UnsignedHeaders, "AccessDenied", "SignatureDoesNotMatch", "InvalidSignatureException"},
		{"no payload hash", func(r *http.Request) { r.Header.Del("X-Amz-Content-Sha256") }, NoPayloadHash, "InvalidRequest", "InvalidRequest", "InvalidRequest"},
		{"bad payload hash", func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", "e3b0") }, BadPayloadHash, "InvalidArgument", "InvalidRequest", "InvalidRequest"},
		{"other region", func(r *http.Request) { replaceAuth(r, "us-west-2", "us-east-1") }, WrongScope, "AuthorizationHeaderMalformed", "SignatureDoesNotMatch", "InvalidSignatureException"},
		{"other day", func(r *http.Request) { replaceAuth(r, now.UTC().Format("20060102"), "20200101") }, WrongScope, "AuthorizationHeaderMalformed", "SignatureDoesNotMatch", "InvalidSignatureException"},
		{"repeated date", func(r *http.Request) { r.Header.Add("X-Amz-Date", r.Header.Get("X-Amz-Date")) }, Malformed, "AuthorizationHeaderMalformed", "IncompleteSignature", "IncompleteSignatureException"},
		{"repeated field", func(r *http.Request) { replaceAuth(r, "Signature=", "Signature="+emptySHA256+", Signature=") }, Malformed, "AuthorizationHeaderMalformed", "IncompleteSignature", "IncompleteSignatureException"},
		{"old", func(r *http.Request) { setDate(r, now.Add(-16*time.Minute)) }, Skewed, "RequestTimeTooSkewed", "SignatureDoesNotMatch", "InvalidSignatureException"},
		{"early", func(r *http.Request) { setDate(r, now.Add(16*time.Minute)) }, Skewed, "RequestTimeTooSkewed", "SignatureDoesNotMatch", "InvalidSignatureException"},
		{"forged", func(r *http.Request) { r.Method = "GET" }, Mismatch, "SignatureDoesNotMatch", "SignatureDoesNotMatch", "InvalidSignatureException"},
		{"broken query", func(r *http.Request) { r.URL.RawQuery = "a=%zz" }, BadRequest, "InvalidURI", "MalformedQueryString", "ValidationException"},
		{"semicolon in query", func(r *http.Request) { r.URL.RawQuery = "a=1;b=2" }, BadRequest, "InvalidURI", "MalformedQueryString", "ValidationException"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := signedByS3Client(t, outgoing(t, "PUT", "localhost", "/b/k", nil, ""), unsignedPayload, now)
			tc.mutate(r)
			err := check(r, now)
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Kind != tc.kind {
				t.Fatalf("kind %v, want %v: %v", kind(err), tc.kind, err)
			}
			for service, want := range map[string]string{"s3": tc.s3, "s3control": tc.s3, "sts": tc.query, "iam": tc.query, "kms": tc.kms} {
				if got := e.For(service).Code; got != want {
					t.Errorf("%s reports %s, want %s", service, got, want)
				}
			}
		})
	}
}

// An expired session and an unknown key, in the words and codes of each service.
func TestServicesWordFaultsDifferently(t *testing.T) {
	t.Parallel()
	const (
		expired   = "The security token included in the request is expired"
		unknown   = "The security token included in the request is invalid."
		s3Unknown = "The AWS Access Key Id you provided does not exist in our records."
	)
	for _, tc := range []struct {
		service string
		kind    Kind
		status  int
		code    string
		message string
	}{
		{"s3", ExpiredToken, 400, "ExpiredToken", "The provided token has expired."},
		{"s3control", ExpiredToken, 400, "ExpiredToken", "The provided token has expired."},
		{"sts", ExpiredToken, 403, "ExpiredToken", expired},
		{"iam", ExpiredToken, 403, "ExpiredToken", expired},
		{"kms", ExpiredToken, 400, "ExpiredTokenException", expired},
		{"secretsmanager", ExpiredToken, 400, "ExpiredTokenException", expired},
		{"s3", UnknownKey, 403, "InvalidAccessKeyId", s3Unknown},
		{"sts", UnknownKey, 403, "InvalidClientTokenId", unknown},
		{"kms", UnknownKey, 400, "UnrecognizedClientException", unknown},
	} {
		got := fail(tc.kind, "as the directory says it").For(tc.service)
		if got.Status != tc.status || got.Code != tc.code || got.Message != tc.message {
			t.Errorf("%s: %d %s %q, want %d %s %q", tc.service, got.Status, got.Code, got.Message, tc.status, tc.code, tc.message)
		}
	}
}

// setDate moves the time of signing without crossing into another day's scope.
func setDate(r *http.Request, t time.Time) {
	replaceAuth(r, r.Header.Get("X-Amz-Date")[:8], t.UTC().Format("20060102"))
	r.Header.Set("X-Amz-Date", t.UTC().Format(timeFormat))
}

func TestUnsigned(t *testing.T) {
	t.Parallel()
	r := outgoing(t, "GET", "localhost", "/b/k", url.Values{"list-type": {"2"}}, "")
	if _, err := Parse(r); !errors.Is(err, ErrUnsigned) {
		t.Errorf("got %v", err)
	}
}

func TestPresignedQueryIsRead(t *testing.T) {
	t.Parallel()
	good := url.Values{
		"X-Amz-Algorithm": {algorithm}, "X-Amz-Credential": {"AKIA/20130524/us-west-2/s3/aws4_request"},
		"X-Amz-Date": {"20130524T000000Z"}, "X-Amz-Expires": {"60"}, "X-Amz-SignedHeaders": {"host"},
		"X-Amz-Signature": {strings.Repeat("0", 64)},
	}
	for name, tc := range map[string]struct {
		name, value string
		want        Kind
	}{
		"as it should be":  {"X-Amz-Expires", "604800", 0},
		"a second too far": {"X-Amz-Expires", "604801", Malformed},
		"no time":          {"X-Amz-Expires", "0", Malformed},
		"negative":         {"X-Amz-Expires", "-1", Malformed},
		"not a number":     {"X-Amz-Expires", "1m", Malformed},
		"empty":            {"X-Amz-Credential", "", Malformed},
		"date":             {"X-Amz-Date", "2013-05-24", Malformed},
		"other algorithm":  {"X-Amz-Algorithm", "AWS4-HMAC-SHA512", Unsupported},
		"host not signed":  {"X-Amz-SignedHeaders", "range", Malformed},
		"short signature":  {"X-Amz-Signature", "00", Malformed},
	} {
		query := url.Values{}
		for k, v := range good {
			query[k] = v
		}
		query.Set(tc.name, tc.value)
		_, err := Parse(outgoing(t, "GET", "localhost", "/b/k", query, ""))
		if kind(err) != tc.want {
			t.Errorf("%s: %v", name, err)
		}
		if e, ok := err.(*Error); ok && tc.want == Malformed && e.For("s3").Code != "AuthorizationQueryParametersError" {
			t.Errorf("%s: S3 reports %s", name, e.For("s3").Code)
		}
		query[tc.name] = append(query[tc.name], tc.value)
		if _, err := Parse(outgoing(t, "GET", "localhost", "/b/k", query, "")); err == nil {
			t.Errorf("%s: a repeated parameter is accepted", name)
		}
	}
}

func TestSignedHash(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, tc := range []struct{ signed, sent, code string }{
		{"hello", "hello", ""},
		{"hello", "hellO", "XAmzContentSHA256Mismatch"},
		{"hello", "", "XAmzContentSHA256Mismatch"},
		{"", "", ""},
	} {
		r := signedByS3Client(t, outgoing(t, "PUT", "localhost", "/b/k", nil, tc.sent), hexSHA256([]byte(tc.signed)), now)
		auth, err := Parse(r)
		if err != nil {
			t.Fatal(err)
		}
		verified, err := auth.Verify(r, nil, testSecret, now)
		if err != nil {
			t.Fatal(err)
		}
		body, err := verified.Body(r)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(body.Reader)
		if apiCode(err) != tc.code || err == nil && string(content) != tc.sent {
			t.Errorf("signed %q, sent %q: %q, %v", tc.signed, tc.sent, content, err)
		}
	}
}
