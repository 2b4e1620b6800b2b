package sigv4

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

func apiCode(err error) string {
	if e, ok := errors.AsType[*api.Error](err); ok {
		return e.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// TestEveryByteOfASignedStreamCounts changes each byte of the framing, and some of
// the data: a stream that is not the original must not end well.
func TestEveryByteOfASignedStreamCounts(t *testing.T) {
	t.Parallel()
	for _, vector := range []streamed{docsStreaming, docsTrailer} {
		body := vector.body()
		for i := range body {
			if body[i] == 'a' && body[max(0, i-1)] == 'a' && i%4099 != 0 {
				continue // inside a run of data, where one sample stands for all
			}
			changed := bytes.Clone(body)
			changed[i] ^= 1
			if _, _, err := vector.decode(t, changed); err == nil {
				t.Errorf("%s: byte %d (%q in %q) changed and accepted", vector.mode, i, body[i], body[max(0, i-20):min(len(body), i+20)])
			}
		}
		for _, n := range []int{0, 10, 70, 90, 65_000, len(body) - 90, len(body) - 1} {
			if _, _, err := vector.decode(t, body[:n]); err == nil {
				t.Errorf("%s: cut after %d bytes and accepted", vector.mode, n)
			}
		}
		if _, _, err := vector.decode(t, append(bytes.Clone(body), 'x')); err == nil {
			t.Errorf("%s: something follows and is accepted", vector.mode)
		}
	}
}

func TestWrongChunkSignatureWithholdsItsEnd(t *testing.T) {
	t.Parallel()
	body := docsStreaming.body()
	body[100] = 'b' // data of the first chunk
	content, _, err := docsStreaming.decode(t, body)
	if apiCode(err) != "SignatureDoesNotMatch" || len(content) >= 64<<10 {
		t.Errorf("%d bytes came out, %v", len(content), err)
	}
}

func unsignedTrailer(body string, declared int, announced ...string) *decoder {
	r := httptest.NewRequest("PUT", "/b/k", iotest.OneByteReader(strings.NewReader(body)))
	for _, name := range announced {
		r.Header.Add("X-Amz-Trailer", name)
	}
	v := &Verified{auth: &Auth{payload: streamingUnsignedTail}}
	return newDecoder(v, r, int64(declared))
}

// TestUnsignedTrailer has the form that SDKs use over TLS
// (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html).
func TestUnsignedTrailer(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", minChunk)
	for _, tc := range []struct {
		name, body string
		declared   int
		announced  []string
		want, code string
	}{
		{"one chunk", "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", 5, []string{"x-amz-checksum-crc32"}, "hello", ""},
		{"two chunks", fmt.Sprintf("%x\r\n%s\r\n2\r\nyz\r\n0\r\n\r\n", minChunk, big), minChunk + 2, nil, big + "yz", ""},
		{"empty", "0\r\n\r\n", 0, nil, "", ""},
		{"two trailers", "1\r\nx\r\n0\r\nA: 1\r\nb:2\r\n\r\n", 1, []string{"a, b"}, "x", ""},
		{"small chunk first", "2\r\nyz\r\n2\r\nyz\r\n0\r\n\r\n", 4, nil, "", "InvalidChunkSizeError"},
		{"more than declared", "5\r\nhello\r\n0\r\n\r\n", 4, nil, "", "IncompleteBody"},
		{"less than declared", "5\r\nhello\r\n0\r\n\r\n", 6, nil, "", "IncompleteBody"},
		{"announced trailer missing", "5\r\nhello\r\n0\r\n\r\n", 5, []string{"x-amz-checksum-crc32"}, "", "MalformedTrailerError"},
		{"trailer not announced", "5\r\nhello\r\n0\r\nx-amz-acl:public\r\n\r\n", 5, nil, "", "MalformedTrailerError"},
		{"trailer twice", "5\r\nhello\r\n0\r\na:1\r\na:2\r\n\r\n", 5, []string{"a"}, "", "MalformedTrailerError"},
		{"trailer without colon", "5\r\nhello\r\n0\r\nnonsense\r\n\r\n", 5, nil, "", "MalformedTrailerError"},
		{"no size", "\r\nhello\r\n0\r\n\r\n", 5, nil, "", "InvalidRequest"},
		{"negative size", "-5\r\nhello\r\n0\r\n\r\n", 5, nil, "", "InvalidRequest"},
		{"huge size", "ffffffffffffffff\r\nhello\r\n0\r\n\r\n", 5, nil, "", "InvalidRequest"},
		{"signature where none belongs", "5;chunk-signature=" + emptySHA256 + "\r\nhello\r\n0\r\n\r\n", 5, nil, "", "InvalidRequest"},
		{"chunk not ended", "5\r\nhello!\r\n0\r\n\r\n", 5, nil, "", "InvalidRequest"},
		{"endless size line", strings.Repeat("0", 2*maxLine) + "5\r\nhello\r\n0\r\n\r\n", 5, nil, "", "InvalidRequest"},
		{"endless trailer", "0\r\na:" + strings.Repeat("0", 2*maxLine) + "\r\n\r\n", 0, []string{"a"}, "", "InvalidRequest"},
		{"cut in data", "5\r\nhel", 5, nil, "", "IncompleteBody"},
		{"cut in trailer", "5\r\nhello\r\n0\r\n", 5, nil, "", "IncompleteBody"},
		{"something follows", "0\r\n\r\nGET / HTTP/1.1\r\n", 0, nil, "", "InvalidRequest"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := unsignedTrailer(tc.body, tc.declared, tc.announced...)
			content, err := io.ReadAll(d)
			if apiCode(err) != tc.code {
				t.Fatalf("error %v, want %q", err, tc.code)
			}
			if err != nil {
				if n, again := d.Read(make([]byte, 1)); n != 0 || again != err {
					t.Errorf("after the error: %d bytes, %v", n, again)
				}
				if d.verifiedTrailer() != nil {
					t.Error("a trailer is given out after an error")
				}
				return
			}
			if string(content) != tc.want {
				t.Errorf("content %q", content)
			}
			for _, names := range tc.announced {
				for name := range strings.SplitSeq(names, ", ") {
					if d.verifiedTrailer().Get(name) == "" {
						t.Errorf("no trailer %s", name)
					}
				}
			}
		})
	}
}

func TestDecodedLengthIsRequired(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"": "MissingContentLength", "x": "InvalidArgument", "-1": "InvalidArgument", "5368709121": "EntityTooLarge"} {
		r := httptest.NewRequest("PUT", "/b/k", nil)
		if text != "" {
			r.Header.Set("X-Amz-Decoded-Content-Length", text)
		}
		v := &Verified{auth: &Auth{payload: streamingSigned}}
		if _, err := v.Body(r); apiCode(err) != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// small is a signed stream of five bytes with a trailer, made here: the examples of
// AWS are too long to fuzz.
func small() (*Verified, string) {
	v := &Verified{
		auth: &Auth{payload: streamingSignedTrail, signature: emptySHA256, Time: docsTime, Scope: Scope{"20130524", "us-east-1", "s3"}},
		key:  signingKey(docsSecret, Scope{"20130524", "us-east-1", "s3"}),
	}
	previous := v.auth.signature
	next := func(kind string, lines ...string) string {
		previous = sign(v.key, v.auth.stringToSign(kind, append([]string{previous}, lines...)...))
		return previous
	}
	body := "5;chunk-signature=" + next(algorithm+"-PAYLOAD", emptySHA256, hexSHA256([]byte("hello"))) + "\r\nhello\r\n" +
		"0;chunk-signature=" + next(algorithm+"-PAYLOAD", emptySHA256, emptySHA256) + "\r\n" +
		"a:1\r\n" + trailerSignature + ":" + next(algorithm+"-TRAILER", hexSHA256([]byte("a:1\n"))) + "\r\n\r\n"
	return v, body
}

// FuzzChunks: whatever a client sends, a payload that ends well has the declared
// length, and a signed one is the one that was signed.
func FuzzChunks(f *testing.F) {
	v, signed := small()
	f.Add(signed)
	f.Add("5\r\nhello\r\n0\r\na:1\r\n\r\n")
	f.Add("0\r\n\r\n")
	decode := func(body string) (string, error) {
		r := httptest.NewRequest("PUT", "/b/k", strings.NewReader(body))
		r.Header.Set("X-Amz-Trailer", "a")
		content, err := io.ReadAll(newDecoder(v, r, 5))
		return string(content), err
	}
	if content, err := decode(signed); err != nil || content != "hello" {
		f.Fatalf("the seed gives %q, %v", content, err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		content, err := io.ReadAll(unsignedTrailer(body, 5, "a"))
		if err == nil && len(content) != 5 {
			t.Errorf("%d bytes without an error", len(content))
		}
		if content, err := decode(body); err == nil && content != "hello" {
			t.Errorf("%q is accepted", content)
		}
	})
}

// FuzzParse: no request makes the parser fail in another way than with an error,
// and the canonical path decodes to the path that services see.
func FuzzParse(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=K/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature="+emptySHA256, "/a/../b//%2F", "x=1&y")
	f.Add("", "/", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=K/20130524/us-east-1/s3/aws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=1&X-Amz-SignedHeaders=host&X-Amz-Signature="+emptySHA256)
	f.Fuzz(func(t *testing.T, authorization, path, query string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path, r.URL.RawQuery = path, query
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		r.Header.Set("X-Amz-Date", "20130524T000000Z")
		r.Header.Set("X-Amz-Content-Sha256", unsignedPayload)
		auth, err := Parse(r)
		if err != nil {
			return
		}
		if _, err := auth.Verify(r, nil, "secret", auth.Time); err == nil {
			t.Error("a signature was guessed")
		}
	})
}
