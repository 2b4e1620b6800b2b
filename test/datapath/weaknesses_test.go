package datapath

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"google.golang.org/genproto/googleapis/bytestream"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/emulator/journal"
	"github.com/managedcas/managedcas/internal/problem"
	casv1 "github.com/managedcas/managedcas/proto/cas/v1"
	"github.com/managedcas/managedcas/test/rig"
)

// W3: an upload that ends without saying so is none: a gRPC stream without finish_write,
// a chunked body without its last chunk, one shorter than its Content-Length.
func TestW3_HalfCloseIsNoEnd(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{Reuse: rig.LongReuse})
	lanes := s.lanes(t)
	for _, shape := range shapes {
		content, d := rig.Content(shape.size)
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+s.Token(t, s.uploader()))
		stream, err := bytestream.NewByteStreamClient(s.conn).Write(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for rest := content; len(rest) > 0; {
			piece := rest[:min(len(rest), 1<<20)]
			if err := stream.Send(&bytestream.WriteRequest{ResourceName: d.Hex(), Data: piece}); err != nil {
				t.Fatal(err)
			}
			rest = rest[len(piece):]
		}
		if _, err := stream.CloseAndRecv(); status.Code(err) != codes.InvalidArgument {
			t.Errorf("gRPC, %s: %v", shape.name, err)
		}
		s.lacks(t, shape.name, lanes[1], d)
		for _, header := range []string{fmt.Sprintf("Content-Length: %d", shape.size+1), "Transfer-Encoding: chunked"} {
			answer := s.halfClose(t, d, header, content)
			// 400, or 499 where a part on its way has noticed first that the client is gone.
			if !bytes.HasPrefix(answer, []byte("HTTP/1.1 4")) {
				t.Errorf("HTTP, %s, %s: %.200s", shape.name, header, answer)
			}
			s.lacks(t, shape.name+", "+header, lanes[0], d)
		}
	}
	s.noParts(t, "after the half-closed")
}

// halfClose sends all of content and no end.
func (s *site) halfClose(t *testing.T, d digest.Digest, header string, content []byte) []byte {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "PUT /v1/artifacts/%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s\r\n\r\n", d, s.Token(t, s.uploader()), header)
	if strings.HasPrefix(header, "T") {
		fmt.Fprintf(conn, "%x\r\n%s\r\n", len(content), content)
	} else {
		_, _ = conn.Write(content) // refused is fine, too
	}
	_ = conn.(*net.TCPConn).CloseWrite()
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Errorf("%s: %v", header, err)
	}
	return answer
}

// W4: what is not a digest never becomes a key: not of Write, in none of its three names,
// nor of Read, Describe or HTTP. AWS is not asked.
func TestW4_OnlyDigestsBecomeKeys(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{Reuse: rig.LongReuse})
	d := digest.Of([]byte("content"))
	other := s.Org(t)
	s.Forget()
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+s.Token(t, s.uploader()))
	reader := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+s.Token(t, s.downloader(d)))
	for _, text := range []string{
		"not-a-digest/../x", "", "healthcheck", "..", "../" + other.String() + "/" + d.String(), d.Hex()[:63], d.Hex() + "0",
		strings.ToUpper(d.Hex()), "sha256:" + d.Hex() + "/x", "sha512:" + d.Hex(), d.Hex()[:63] + "g", d.Hex()[:62] + "é", "\x00" + d.Hex()[1:],
	} {
		named := struct{ FileName, Digest string }{"a.txt", text}
		var stock bytes.Buffer
		if err := gob.NewEncoder(&stock).Encode(named); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{text, base64.StdEncoding.EncodeToString(stock.Bytes()), "uploads/6f1c1f9e-9a3c-4c57-8b49-5d3b7b6f0c11/blobs/" + text + "/7"} {
			if strings.Contains(name, "\x00") || strings.Contains(name, "é") && name == text {
				name = url.QueryEscape(name)
			}
			stream, err := bytestream.NewByteStreamClient(s.conn).Write(ctx)
			if err != nil {
				t.Fatal(err)
			}
			_ = stream.Send(&bytestream.WriteRequest{ResourceName: name, Data: []byte("content"), FinishWrite: true}) // the answer says
			if _, err := stream.CloseAndRecv(); status.Code(err) != codes.InvalidArgument {
				t.Errorf("write %q: %v", name, err)
			}
		}
		if reading, err := bytestream.NewByteStreamClient(s.conn).Read(reader, &bytestream.ReadRequest{ResourceName: text}); err == nil {
			if _, err := reading.Recv(); status.Code(err) != codes.InvalidArgument {
				t.Errorf("read %q: %v", text, err)
			}
		}
		if _, err := casv1.NewResourceServiceClient(s.conn).Describe(reader, &casv1.ResourceServiceDescribeRequest{Digest: text}); status.Code(err) != codes.InvalidArgument {
			t.Errorf("describe %q: %v", text, err)
		}
		for _, method := range []string{http.MethodPut, http.MethodGet, http.MethodHead} {
			r, err := http.NewRequestWithContext(t.Context(), method, s.url+"/v1/artifacts/"+url.PathEscape(text), strings.NewReader("content"))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+s.Token(t, s.downloader(d)))
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if code := response.StatusCode; code/100 != 4 {
				t.Errorf("%s %q: %d", method, text, code)
			}
		}
	}
	if calls := s.calls(); len(calls) > 0 {
		t.Errorf("AWS was asked for %q", calls)
	}
}

// W5: what S3 is sent can be checked by S3, and it does: the sha256 that is the address,
// or the CRC64NVME of all parts. A bit that flips on the way to S3 is not stored.
func TestW5_S3ChecksWhatItIsSent(t *testing.T) {
	t.Parallel()
	wire := &witness{}
	s := newSite(t, rig.Options{Reuse: rig.LongReuse, Wire: wire.between})
	for _, l := range s.lanes(t) {
		for _, shape := range shapes {
			content, d := rig.Content(shape.size)
			wire.reset(true)
			if o := shape.put(t, l, s.uploader(), d, bytes.NewReader(content)); !o.failed || !o.lost && !o.retryable() {
				t.Errorf("%s, %s: damaged on its way: %s", l, shape.name, o)
			}
			s.lacks(t, shape.name, l, d)
			wire.reset(false)
			s.again(t, shape.name, l, shape, d, content)
			sha, crc := wire.checksums()
			if parts := shape.in(0) == cas.UnknownLength; !parts && sha != d.Base64() || parts && crc == "" {
				t.Errorf("%s, %s: sent with sha256 %q, crc64nvme %q", l, shape.name, sha, crc)
			}
		}
	}
	s.noParts(t, "after the damage")
}

// witness sees what is written to S3, and may flip a bit of it.
type witness struct {
	mu       sync.Mutex
	damaging bool
	sha, crc string
}

func (w *witness) reset(damaging bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.damaging, w.sha, w.crc = damaging, "", ""
}

func (w *witness) checksums() (sha, crc string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sha, w.crc
}

func (w *witness) between(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		w.mu.Lock()
		damaging := w.damaging
		if r.Method == http.MethodPut && !r.URL.Query().Has("partNumber") {
			w.sha = r.Header.Get("X-Amz-Checksum-Sha256")
		}
		if r.Method == http.MethodPost && r.URL.Query().Has("uploadId") {
			w.crc = r.Header.Get("X-Amz-Checksum-Crc64nvme")
		}
		w.mu.Unlock()
		if damaging && r.Method == http.MethodPut && r.Body != nil {
			r = r.Clone(r.Context())
			r.Body = &flipped{ReadCloser: r.Body}
			r.GetBody = nil
		}
		return next.RoundTrip(r)
	})
}

type flipped struct {
	io.ReadCloser
	done bool
}

func (f *flipped) Read(p []byte) (int, error) {
	n, err := f.ReadCloser.Read(p)
	if n > 0 && !f.done {
		p[n-1], f.done = p[n-1]^1, true
	}
	return n, err
}

// W18: what is said to be too large is refused before S3 hears of it; what turns out to be
// leaves nothing. The limit is the token's, the server's being larger.
func TestW18_TooLargeIsRefusedFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{Reuse: rig.LongReuse})
	grant := s.uploader()
	for _, l := range s.lanes(t) {
		for _, limit := range []int{999, part, 2*part + 1} {
			grant.MaxBytes = int64(limit)
			content, d := rig.Content(limit + 1)
			s.Forget()
			if o := l.put(t, grant, d, int64(limit+1), bytes.NewReader(content)); o.kind != problem.TooLarge && !o.lost || !o.failed {
				t.Errorf("%s, %d declared, %d allowed: %s", l, limit+1, limit, o)
			}
			if calls := s.calls(); len(calls) > 0 {
				t.Errorf("%s, %d declared, %d allowed: AWS was asked for %q", l, limit+1, limit, calls)
			}
			if o := l.put(t, grant, d, cas.UnknownLength, bytes.NewReader(content)); o.kind != problem.TooLarge && !o.lost || !o.failed {
				t.Errorf("%s, %d sent, %d allowed: %s", l, limit+1, limit, o)
			}
			s.lacks(t, "too large", l, d)
			content, d = rig.Content(limit) // the other side of the limit
			if o := l.put(t, grant, d, cas.UnknownLength, bytes.NewReader(content)); o.failed {
				t.Errorf("%s, %d sent, %d allowed: %s", l, limit, limit, o)
			}
		}
	}
	s.noParts(t, "after the too large")
}

// W21: S3 answers 403 for an object that is not there, and nothing breaks: describing it
// says that it is not found, and the first upload succeeds, without having asked.
func TestW21_S3Says403OfWhatIsMissing(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{Reuse: rig.LongReuse})
	for _, l := range s.lanes(t) {
		content, d := rig.Content(1000)
		s.Forget()
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+s.Token(t, s.uploader()))
		if _, err := casv1.NewResourceServiceClient(s.conn).Describe(ctx, &casv1.ResourceServiceDescribeRequest{Digest: d.Hex()}); status.Code(err) != codes.NotFound {
			t.Errorf("described: %v", err)
		}
		if _, o := read(t, l, s.downloader(d), d, cas.Range{}); o.kind != problem.NotFound {
			t.Errorf("%s, downloaded: %s", l, o)
		}
		for _, operation := range []string{"HeadObject", "GetObject"} {
			if e := s.AWS.Journal().Entries(journal.Filter{Operation: operation}); len(e) != 1 || e[0].Status != http.StatusForbidden {
				t.Errorf("the embedded AWS is not as S3 is: %s: %+v", operation, e)
			}
		}
		s.again(t, "the first upload", l, shapes[0], d, content)
	}
}

// W26: a success is not promised ahead: when a client reads it, S3 has the artifact.
func TestW26_SuccessMeansStored(t *testing.T) {
	t.Parallel()
	stored := make(chan struct{}, 1)
	s := newSite(t, rig.Options{Reuse: rig.LongReuse, Wire: func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			response, err := next.RoundTrip(r)
			last := r.Method == http.MethodPut && !r.URL.Query().Has("partNumber") || r.Method == http.MethodPost && r.URL.Query().Has("uploadId")
			if last && err == nil && response.StatusCode == http.StatusOK {
				stored <- struct{}{}
			}
			return response, err
		})
	}})
	for _, l := range s.lanes(t) {
		for _, shape := range shapes {
			content, d := rig.Content(shape.size)
			if o := shape.put(t, l, s.uploader(), d, bytes.NewReader(content)); o.failed {
				t.Errorf("%s, %s: %s", l, shape.name, o)
			}
			select {
			case <-stored:
			default:
				t.Errorf("%s, %s: success, and S3 has not said so", l, shape.name)
			}
			s.holds(t, shape.name, l, d, content)
		}
	}
}
