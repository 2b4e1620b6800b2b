// Package sigv4 verifies AWS Signature Version 4 on incoming requests: the
// Authorization header and presigned query forms, and every payload mode of S3
// (a hash, unsigned, signed chunks, signed and unsigned trailers).
//
// A request goes through three types, so that no step can be forgotten: Parse
// reads what it claims (Auth), Auth.Verify proves the claim with the key's secret
// (Verified), and only Verified gives out the payload, checked while it is read.
//
// The scheme is public: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
// and, for S3, https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html.
package sigv4

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
	timeFormat = "20060102T150405Z"

	// MaxSkew is how far the clocks of client and server may be apart.
	MaxSkew = 15 * time.Minute
	// MaxExpires is the longest life of a presigned request: seven days.
	MaxExpires = 7 * 24 * time.Hour
)

// ErrUnsigned is what Parse returns for a request that carries no signature.
var ErrUnsigned = errors.New("the request is not signed")

// Scope is the credential scope of a signature: where and when it is good.
type Scope struct {
	Date    string // YYYYMMDD
	Region  string
	Service string // "s3", "sts", "iam", "kms"
}

func (s Scope) String() string {
	return s.Date + "/" + s.Region + "/" + s.Service + "/" + terminator
}

// Auth is what a signed request claims. Nothing in it is proven before Verify.
type Auth struct {
	AccessKeyID  string
	Scope        Scope
	SessionToken string // empty for long-term keys
	Presigned    bool
	Time         time.Time     // of signing
	Expires      time.Duration // presigned only

	signedHeaders []string // lower case, sorted
	signature     string   // 64 lower-case hex digits
	payload       string   // what stands for the payload in an S3 signature
	query         url.Values
}

// Parse reads the signature of r. It returns ErrUnsigned when there is none and an
// *Error when there is one that it cannot read, that does not cover what it must
// (host and every x-amz-* header), or that is not Signature Version 4.
func Parse(r *http.Request) (*Auth, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fail(BadRequest, "the query string is not well-formed; percent-encode it: %v", err)
	}
	header := r.Header.Values("Authorization")
	inQuery := query.Has("X-Amz-Algorithm") || query.Has("X-Amz-Signature") || query.Has("X-Amz-Credential")
	var auth *Auth
	switch {
	case len(header) > 1 || len(header) == 1 && inQuery:
		return nil, fail(TwoSignatures, "only one authentication mechanism is allowed; send the Authorization header or the X-Amz-Signature query parameter")
	case len(header) == 1:
		auth, err = parseHeader(r, header[0])
	case inQuery:
		auth, err = parsePresigned(r, query)
	case query.Has("AWSAccessKeyId") && query.Has("Signature"):
		return nil, unsupported("Signature Version 2")
	default:
		return nil, ErrUnsigned
	}
	if err != nil {
		return nil, err
	}
	auth.query = query
	if err := auth.checkCoverage(r); err != nil {
		return nil, err
	}
	if auth.s3() {
		return auth, auth.readPayloadClaim(r)
	}
	return auth, nil
}

// CheckScope reports whether the signature was made for service in one of regions
// on the day that it says. AWS looks at it before the key (facts AWS §4.6).
func (a *Auth) CheckScope(service string, regions ...string) error {
	switch {
	case a.Scope.Service != service:
		return a.fail(WrongScope, "the service %q is wrong; expecting %q", a.Scope.Service, service)
	case !slices.Contains(regions, a.Scope.Region):
		e := a.fail(WrongScope, "the region %q is wrong; expecting %q", a.Scope.Region, regions[0])
		e.Extra = [][2]string{{"Region", regions[0]}}
		return e
	case a.Scope.Date != a.Time.Format("20060102"):
		return a.fail(WrongScope, "the date %q of the credential scope is not that of X-Amz-Date", a.Scope.Date)
	}
	return nil
}

// s3 says whether the rules of S3 hold: it encodes paths once, never normalizes
// them, and puts the payload's hash in a header.
func (a *Auth) s3() bool { return a.Scope.Service == "s3" }

// checkCoverage refuses requests with headers that the service would act on
// although nobody signed them.
func (a *Auth) checkCoverage(r *http.Request) error {
	if !slices.Contains(a.signedHeaders, "host") {
		return a.fail(Malformed, "host must be one of the SignedHeaders")
	}
	var missing []string
	for name := range r.Header {
		name = strings.ToLower(name)
		if strings.HasPrefix(name, "x-amz-") && !slices.Contains(a.signedHeaders, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	e := a.fail(UnsignedHeaders, "There were headers present in the request which were not signed")
	e.Extra = [][2]string{{"HeadersNotSigned", strings.Join(missing, ", ")}}
	return e
}

// parseCredential reads "KEY/YYYYMMDD/REGION/SERVICE/aws4_request".
func (a *Auth) parseCredential(text string) error {
	part := strings.Split(text, "/")
	if len(part) != 5 || slices.Contains(part, "") {
		return a.fail(Malformed, "the Credential is malformed; expecting KEY/YYYYMMDD/REGION/SERVICE/%s", terminator)
	}
	if part[4] != terminator {
		return a.fail(Malformed, "the Credential must end in %s", terminator)
	}
	a.AccessKeyID = part[0]
	a.Scope = Scope{Date: part[1], Region: part[2], Service: part[3]}
	return nil
}

// parseSignedHeaders reads the semicolon-separated list. AWS wants it sorted and in
// lower case; a header that is named but absent signs the empty value.
func (a *Auth) parseSignedHeaders(text string) error {
	names := strings.Split(text, ";")
	for i, name := range names {
		if name == "" || name != strings.ToLower(name) || i > 0 && names[i-1] >= name {
			return a.fail(Malformed, "SignedHeaders must be lower-case names, sorted, without repetition")
		}
	}
	a.signedHeaders = names
	return nil
}

func (a *Auth) parseSignature(text string) error {
	if !isHexSHA256(text) {
		return a.fail(Malformed, "the Signature is not 64 lower-case hex digits")
	}
	a.signature = text
	return nil
}

func isHexSHA256(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}
