package sigv4

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
	"time"
)

const (
	suiteCredential = "Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request"
	suiteSecret     = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	suiteDate       = "20150830T123600Z"
	suiteToken      = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
	hexToken        = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"

	vanilla   = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
	unreserve = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

var suiteTime = time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)

// suiteCase is a case of AWS's Signature Version 4 test suite, as a server reads it:
// the request line and headers are raw.
type suiteCase struct {
	name, method, target string
	header               []string // besides Host and X-Amz-Date
	signed               string   // besides host and x-amz-date
	body                 string
	signature            string
}

// suite has the cases of the suite that a server can be sent (names and signatures as
// in aws-c-auth, tests/aws-signing-test-suite/v4), but for those whose path holds raw
// bytes: TestPathsOfTheSuite has them.
var suite = []suiteCase{
	{"get-vanilla", "GET", "/", nil, "", "", vanilla},
	{"get-vanilla-query", "GET", "/", nil, "", "", vanilla},
	{"get-vanilla-empty-query-key", "GET", "/?Param1=value1", nil, "", "", "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
	{"get-vanilla-query-order-key-case", "GET", "/?Param2=value2&Param1=value1", nil, "", "", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
	{"get-vanilla-query-order-encoded", "GET", "/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1", nil, "", "", "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"},
	{"get-vanilla-with-session-token", "GET", "/", []string{"X-Amz-Security-Token:" + hexToken}, "x-amz-security-token", "", "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"},
	{"get-vanilla-query-unreserved", "GET", "/?" + unreserve + "=" + unreserve, nil, "", "", "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
	{"get-vanilla-utf8-query", "GET", "/?%E1%88%B4=bar", nil, "", "", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
	{"get-unreserved", "GET", "/" + unreserve, nil, "", "", "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},

	{"get-header-key-duplicate", "GET", "/", []string{"My-Header1:value2", "My-Header1:value2", "My-Header1:value1"}, "my-header1", "", "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
	{"get-header-value-order", "GET", "/", []string{"My-Header1:value4", "My-Header1:value1", "My-Header1:value3", "My-Header1:value2"}, "my-header1", "", "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
	// The lines of a folded header count as values of their own.
	{"get-header-value-multiline", "GET", "/", []string{"My-Header1:value1", "My-Header1:  value2", "My-Header1:     value3"}, "my-header1", "", "ba17b383a53190154eb5fa66a1b836cc297cc0a3d70a5d00705980573d8ff790"},
	{"get-header-value-trim", "GET", "/", []string{"My-Header1: value1", `My-Header2: "a   b   c"`}, "my-header1;my-header2", "", "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},

	{"normalize-path/get-relative", "GET", "/example/..", nil, "", "", vanilla},
	{"normalize-path/get-relative-relative", "GET", "/example1/example2/../..", nil, "", "", vanilla},
	{"normalize-path/get-slash", "GET", "//", nil, "", "", vanilla},
	{"normalize-path/get-slash-dot-slash", "GET", "/./", nil, "", "", vanilla},
	{"normalize-path/get-slash-pointless-dot", "GET", "/./example", nil, "", "", "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"},
	{"normalize-path/get-slashes", "GET", "//example//", nil, "", "", "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},

	{"post-vanilla", "POST", "/", nil, "", "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
	{"post-vanilla-query", "POST", "/?Param1=value1", nil, "", "", "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
	{"post-vanilla-query-nonunreserved", "POST", "/?%40%23%24%25%5E=&%2B=%2F%2C%3F%3E%3C%60%22%3B%3A%5C%7C%5D%5B%7B%7D", nil, "", "", "66c82657c86e26fb25238d0e69f011edc4c6df5ae71119d7cb98ed9b87393c1e"},
	{"post-vanilla-query-space", "POST", "/?p=", nil, "", "", "e71688addb58a26418614085fb730ba3faa623b461c17f48f2fbdb9361b94a9b"},
	{"post-header-key-case", "POST", "/", nil, "", "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
	{"post-header-key-sort", "POST", "/", []string{"My-Header1:value1"}, "my-header1", "", "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
	{"post-header-value-case", "POST", "/", []string{"My-Header1:VALUE1"}, "my-header1", "", "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
	{"post-sts-header-after", "POST", "/", nil, "", "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
	{"post-sts-header-before", "POST", "/", []string{"X-Amz-Security-Token:" + suiteToken}, "x-amz-security-token", "", "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
	{"post-x-www-form-urlencoded", "POST", "/", []string{"Content-Type:application/x-www-form-urlencoded", "Content-Length:13"}, "content-type", "Param1=value1", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
	{"post-x-www-form-urlencoded-parameters", "POST", "/", []string{"Content-Type:application/x-www-form-urlencoded; charset=utf8", "Content-Length:13"}, "content-type", "Param1=value1", "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe"},
}

// request returns the case as net/http reads it from a connection.
func (c suiteCase) request(t *testing.T) *http.Request {
	t.Helper()
	signed := "host;x-amz-date"
	switch {
	case c.signed == "x-amz-security-token":
		signed += ";" + c.signed
	case strings.HasPrefix(c.signed, "content-type"):
		signed = c.signed + ";" + signed
	case c.signed != "":
		signed = "host;" + c.signed + ";x-amz-date"
	}
	head := append([]string{c.method + " " + c.target + " HTTP/1.1", "Host:example.amazonaws.com", "X-Amz-Date:" + suiteDate}, c.header...)
	head = append(head, "Authorization:"+algorithm+" "+suiteCredential+", SignedHeaders="+signed+", Signature="+c.signature)
	return received(t, strings.Join(head, "\r\n")+"\r\n\r\n"+c.body)
}

func received(t *testing.T, raw string) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		t.Fatalf("%v in %q", err, raw)
	}
	return r
}

// TestSuiteOfAWS verifies every case of the suite, refuses it for another body or
// secret, and refuses the very same request again once its time is over: a signature
// is good for MaxSkew, and nothing else ends a replay.
func TestSuiteOfAWS(t *testing.T) {
	t.Parallel()
	for _, tc := range suite {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := tc.request(t)
			auth, err := Parse(r)
			if err != nil {
				t.Fatal(err)
			}
			for _, at := range []time.Time{suiteTime, suiteTime.Add(MaxSkew), suiteTime.Add(-MaxSkew)} {
				if _, err := auth.Verify(r, []byte(tc.body), suiteSecret, at); err != nil {
					t.Fatalf("at %s: %v\n%v", at, err, err.(*Error).Extra)
				}
			}
			if _, err := auth.Verify(r, []byte(tc.body+"x"), suiteSecret, suiteTime); kind(err) != Mismatch {
				t.Errorf("another body: %v", err)
			}
			if _, err := auth.Verify(r, []byte(tc.body), suiteSecret+"x", suiteTime); kind(err) != Mismatch {
				t.Errorf("another secret: %v", err)
			}
			for _, at := range []time.Time{suiteTime.Add(MaxSkew + time.Second), suiteTime.Add(-MaxSkew - time.Second), suiteTime.Add(24 * time.Hour)} {
				if _, err := auth.Verify(r, []byte(tc.body), suiteSecret, at); kind(err) != Skewed {
					t.Errorf("replayed at %s: %v", at, err)
				}
			}
		})
	}
}

// A token that was added after signing is not covered by the signature
// (post-sts-header-after of the suite). Whoever adds one could swap it: it is refused,
// as S3 refuses every x-amz-* header that nobody signed.
func TestTokenAfterSigningIsRefused(t *testing.T) {
	t.Parallel()
	tc := suiteCase{
		method: "POST", target: "/", header: []string{"X-Amz-Security-Token:" + suiteToken},
		signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
	}
	if _, err := Parse(tc.request(t)); kind(err) != UnsignedHeaders {
		t.Errorf("got %v", err)
	}
}

// TestPresignedSuiteOfAWS has cases of the suite in their query form. Their
// X-Amz-Date header, which nobody signed, is left out.
func TestPresignedSuiteOfAWS(t *testing.T) {
	t.Parallel()
	const query = "/?X-Amz-Algorithm=" + algorithm + "&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fservice%2Faws4_request&X-Amz-Date=" + suiteDate
	for _, tc := range []struct{ name, method, signed, token, header, signature string }{
		{"get-vanilla-with-session-token", "GET", "host", "&X-Amz-Security-Token=" + hexToken, "", "7ff2b50b376cb4d151970630573d6291dc128cc5c2a12ffb237f73cc53f67b6c"},
		{"get-header-value-trim", "GET", "host%3Bmy-header1%3Bmy-header2", "", "My-Header1: value1\r\nMy-Header2: \"a   b   c\"\r\n", "e7bb0fd515e125e1aec2ecc4c0c17484fb06f6846b927c35e46005dd3df3acd4"},
		{"post-sts-header-before", "POST", "host%3Bx-amz-security-token", "", "X-Amz-Security-Token:" + suiteToken + "\r\n", "aca67b49ed321f377645504bccbd5a65f9085c536ff1961bc49c835d30827b16"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := received(t, tc.method+" "+query+"&X-Amz-SignedHeaders="+tc.signed+"&X-Amz-Expires=3600"+tc.token+"&X-Amz-Signature="+tc.signature+
				" HTTP/1.1\r\nHost:example.amazonaws.com\r\n"+tc.header+"\r\n")
			auth, err := Parse(r)
			if err != nil {
				t.Fatal(err)
			}
			for at, want := range map[time.Duration]Kind{0: 0, time.Hour: 0, time.Hour + time.Second: Expired, -MaxSkew - time.Second: Expired} {
				if _, err := auth.Verify(r, nil, suiteSecret, suiteTime.Add(at)); kind(err) != want {
					t.Errorf("after %s: %v", at, err)
				}
			}
		})
	}
}

// TestPathsOfTheSuite: S3 takes paths as they are and encodes them once, which is the
// unnormalized form of the suite and that of its cases get-utf8 and get-space; other
// services normalize and encode what was sent again.
func TestPathsOfTheSuite(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, sent, s3, others string }{
		{"get-utf8", "/%E1%88%B4", "/%E1%88%B4", "/%25E1%2588%25B4"},
		{"get-space", "/example%20space/", "/example%20space/", "/example%2520space/"},
		{"get-relative-unnormalized", "/example/..", "/example/..", "/"},
		{"get-relative-relative-unnormalized", "/example1/example2/../..", "/example1/example2/../..", "/"},
		{"get-slash-unnormalized", "//", "//", "/"},
		{"get-slash-dot-slash-unnormalized", "/./", "/./", "/"},
		{"get-slash-pointless-dot-unnormalized", "/./example", "/./example", "/example"},
		{"get-slashes-unnormalized", "//example//", "//example//", "/example/"},
	} {
		for service, want := range map[string]string{"s3": tc.s3, "service": tc.others} {
			a := Auth{Scope: Scope{Service: service}}
			if got, err := a.canonicalPath(tc.sent); err != nil || got != want {
				t.Errorf("%s, %s: %q, %v; want %q", tc.name, service, got, err, want)
			}
		}
	}
}
