package sigv4

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// The keys that AWS's documentation signs its examples with.
const (
	docsKey    = "AKIAIOSFODNN7EXAMPLE"
	docsSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)

var docsTime = time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)

// TestVectorsOfAWS holds the verifier against the signatures of S3's documentation.
func TestVectorsOfAWS(t *testing.T) {
	t.Parallel()
	const emptyBody = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	s3header := func(signed, signature string) string {
		return "AWS4-HMAC-SHA256 Credential=" + docsKey + "/20130524/us-east-1/s3/aws4_request,SignedHeaders=" + signed + ",Signature=" + signature
	}
	for _, tc := range []struct {
		name, source string
		method, url  string
		header       map[string]string
		now          time.Time
	}{
		{
			"GET object with range", "https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html",
			"GET", "http://examplebucket.s3.amazonaws.com/test.txt",
			map[string]string{"Range": "bytes=0-9", "X-Amz-Content-Sha256": emptyBody, "X-Amz-Date": "20130524T000000Z",
				"Authorization": s3header("host;range;x-amz-content-sha256;x-amz-date", "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")},
			docsTime,
		},
		{
			"PUT object, key with $", "the same page",
			"PUT", "http://examplebucket.s3.amazonaws.com/test$file.text",
			map[string]string{"Date": "Fri, 24 May 2013 00:00:00 GMT", "X-Amz-Date": "20130524T000000Z", "X-Amz-Storage-Class": "REDUCED_REDUNDANCY",
				"X-Amz-Content-Sha256": "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
				"Authorization":        s3header("date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class", "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")},
			docsTime,
		},
		{
			"GET bucket lifecycle", "the same page",
			"GET", "http://examplebucket.s3.amazonaws.com/?lifecycle",
			map[string]string{"X-Amz-Content-Sha256": emptyBody, "X-Amz-Date": "20130524T000000Z",
				"Authorization": s3header("host;x-amz-content-sha256;x-amz-date", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")},
			docsTime,
		},
		{
			"list bucket", "the same page",
			"GET", "http://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J",
			map[string]string{"X-Amz-Content-Sha256": emptyBody, "X-Amz-Date": "20130524T000000Z",
				"Authorization": s3header("host;x-amz-content-sha256;x-amz-date", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")},
			docsTime,
		},
		{
			"presigned GET", "https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html",
			"GET", "http://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
			nil, docsTime.Add(24 * time.Hour),
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(tc.method, tc.url, nil)
			for name, value := range tc.header {
				r.Header.Set(name, value)
			}
			auth, err := Parse(r)
			if err != nil {
				t.Fatalf("Parse: %v (source: %s)", err, tc.source)
			}
			if _, err := auth.Verify(r, nil, docsSecret, tc.now); err != nil {
				t.Fatalf("Verify: %v\n%v (source: %s)", err, err.(*Error).Extra, tc.source)
			}
			if _, err := auth.Verify(r, nil, docsSecret+"x", tc.now); err == nil {
				t.Error("a wrong secret is accepted")
			}
		})
	}
}

// streamed is an example of AWS's documentation: 65 KiB of "a" in two chunks. The
// first column of chunks is the chunk's size in hex.
type streamed struct {
	mode, trailerName, seed string
	chunks                  [][2]string
	trailer                 string
}

var (
	// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
	docsStreaming = streamed{
		mode: streamingSigned,
		seed: "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
		chunks: [][2]string{
			{"10000", "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"},
			{"400", "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"},
			{"0", "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"},
		},
	}
	// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html,
	// except the trailer's signature: the page computes its example over
	// AWS4-HMAC-SHA256-PAYLOAD although it, like every SDK, prescribes …-TRAILER.
	docsTrailer = streamed{
		mode:        streamingSignedTrail,
		trailerName: "x-amz-checksum-crc32c",
		seed:        "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
		chunks: [][2]string{
			{"10000", "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2"},
			{"400", "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7"},
			{"0", "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"},
		},
		trailer: "x-amz-checksum-crc32c:sOO8/Q==\n\r\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n",
	}
)

func (s streamed) body() []byte {
	var b bytes.Buffer
	for _, c := range s.chunks {
		b.WriteString(c[0] + ";chunk-signature=" + c[1] + "\r\n")
		switch c[0] {
		case "10000":
			b.WriteString(strings.Repeat("a", 64<<10) + "\r\n")
		case "400":
			b.WriteString(strings.Repeat("a", 1<<10) + "\r\n")
		}
	}
	if s.trailer == "" {
		return append(b.Bytes(), "\r\n"...)
	}
	return append(b.Bytes(), s.trailer...)
}

func (s streamed) request(body []byte) *http.Request {
	r := httptest.NewRequest("PUT", "http://s3.amazonaws.com/examplebucket/chunkObject.txt", bytes.NewReader(body))
	signed := "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class"
	r.Header.Set("Content-Length", "66824")
	if s.trailer != "" {
		signed = "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer"
		r.Header.Del("Content-Length")
		r.Header.Set("X-Amz-Trailer", s.trailerName)
	}
	r.Header.Set("X-Amz-Date", "20130524T000000Z")
	r.Header.Set("X-Amz-Storage-Class", "REDUCED_REDUNDANCY")
	r.Header.Set("X-Amz-Content-Sha256", s.mode)
	r.Header.Set("Content-Encoding", "aws-chunked")
	r.Header.Set("X-Amz-Decoded-Content-Length", "66560")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+docsKey+"/20130524/us-east-1/s3/aws4_request,SignedHeaders="+signed+",Signature="+s.seed)
	return r
}

func (s streamed) decode(t *testing.T, body []byte) ([]byte, Body, error) {
	t.Helper()
	r := s.request(body)
	auth, err := Parse(r)
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	verified, err := auth.Verify(r, nil, docsSecret, docsTime)
	if err != nil {
		t.Fatalf("Verify: %v\n%v", err, err.(*Error).Extra)
	}
	payload, err := verified.Body(r)
	if err != nil {
		t.Fatalf("Body: %v", err)
	}
	content, err := io.ReadAll(payload.Reader)
	return content, payload, err
}

func TestStreamingVectorsOfAWS(t *testing.T) {
	t.Parallel()
	want := bytes.Repeat([]byte("a"), 65<<10)
	content, payload, err := docsStreaming.decode(t, docsStreaming.body())
	if err != nil || !bytes.Equal(content, want) || payload.Length != 65<<10 {
		t.Errorf("signed chunks: %d bytes of %d, %v", len(content), payload.Length, err)
	}
	content, payload, err = docsTrailer.decode(t, docsTrailer.body())
	if err != nil || !bytes.Equal(content, want) {
		t.Fatalf("signed trailer: %d bytes, %v", len(content), err)
	}
	if got := payload.Trailer().Get("x-amz-checksum-crc32c"); got != "sOO8/Q==" {
		t.Errorf("trailer is %q", got)
	}
}
