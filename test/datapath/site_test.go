// Package datapath holds the claims about artifacts on their way against the servers as
// they are deployed, over both protocols, on an AWS that fails on purpose.
package datapath

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/bytestream"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/test/rig"
)

const part = 5 << 20 // the smallest that S3 allows

// site is one CAS with an organization, and its clients.
type site struct {
	*rig.Rig
	url  string
	conn *grpc.ClientConn
	org  org.ID
}

func newSite(t *testing.T, options rig.Options) *site {
	t.Helper()
	options.PartSize = part
	if options.Log == nil {
		options.Log = io.Discard // every fault of a sweep is in it
	}
	r := rig.New(t, options)
	return &site{r, r.HTTP(t).URL, r.GRPC(t), r.Org(t)}
}

func (s *site) uploader() cas.Grant { return cas.Grant{Org: s.org, Role: cas.Uploader} }

func (s *site) downloader(d digest.Digest) cas.Grant {
	return cas.Grant{Org: s.org, Role: cas.Downloader, Digest: d}
}

// lanes are the protocols of the CAS.
func (s *site) lanes(t *testing.T) []lane {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return []lane{
		&overHTTP{s.url, &http.Client{Transport: transport}, s.Token},
		&overGRPC{s.conn, s.Token},
	}
}

// lane is one way to the CAS.
type lane interface {
	fmt.Stringer
	// put uploads body under d. The size is declared unless it is cas.UnknownLength.
	put(t *testing.T, grant cas.Grant, d digest.Digest, size int64, body io.Reader) outcome
	// get downloads want of d and gives each piece to take, which ends it by an error.
	get(t *testing.T, grant cas.Grant, d digest.Digest, want cas.Range, take func([]byte) error) outcome
}

// outcome is how a client sees a transfer end. Its zero value is success.
type outcome struct {
	failed bool
	lost   bool // no answer, or one that broke off: nothing was said
	kind   problem.Kind
	reason string
	hinted bool // it says when to try again
	text   string
}

func (o outcome) String() string {
	switch {
	case !o.failed:
		return "OK"
	case o.lost:
		return "lost: " + o.text
	}
	return fmt.Sprintf("%s (%s): %s", o.kind, o.reason, o.text)
}

// retryable reports whether the client knows that trying again may help.
func (o outcome) retryable() bool { return o.lost || o.kind.Retryable() }

func lost(err error) outcome { return outcome{failed: true, lost: true, text: err.Error()} }

type overHTTP struct {
	url    string
	client *http.Client
	token  func(testing.TB, cas.Grant) string
}

func (*overHTTP) String() string { return "HTTP" }

func (l *overHTTP) request(t *testing.T, method string, grant cas.Grant, d digest.Digest, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, l.url+"/v1/artifacts/"+d.String(), body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+l.token(t, grant))
	return r
}

func (l *overHTTP) put(t *testing.T, grant cas.Grant, d digest.Digest, size int64, body io.Reader) outcome {
	t.Helper()
	r := l.request(t, http.MethodPut, grant, d, struct{ io.Reader }{body})
	if r.ContentLength = size; size == 0 {
		r.Body = http.NoBody
	}
	response, err := l.client.Do(r)
	if err != nil {
		return lost(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return lost(err)
	}
	return httpOutcome(response, answer)
}

func (l *overHTTP) get(t *testing.T, grant cas.Grant, d digest.Digest, want cas.Range, take func([]byte) error) outcome {
	t.Helper()
	r := l.request(t, http.MethodGet, grant, d, nil)
	switch {
	case want.Length > 0:
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", want.Offset, want.Offset+want.Length-1))
	case want.Offset > 0:
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-", want.Offset))
	}
	response, err := l.client.Do(r)
	if err != nil {
		return lost(err)
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		answer, err := io.ReadAll(response.Body)
		if err != nil {
			return lost(err)
		}
		return httpOutcome(response, answer)
	}
	for buffer := make([]byte, 64<<10); ; {
		n, err := response.Body.Read(buffer)
		if stop := take(buffer[:n]); stop != nil {
			return lost(stop)
		}
		if err == io.EOF { //nolint:errorlint // the end alone is the end
			return outcome{}
		}
		if err != nil {
			return lost(err)
		}
	}
}

func httpOutcome(response *http.Response, answer []byte) outcome {
	if response.StatusCode/100 == 2 {
		return outcome{}
	}
	var p struct{ Kind, Reason, Detail string }
	_ = json.Unmarshal(answer, &p) // what is no problem document has no kind
	kind, known := problem.ParseKind(p.Kind)
	if !known || kind.HTTPStatus() != response.StatusCode {
		p.Reason = "NOT A PROBLEM"
	}
	return outcome{failed: true, kind: kind, reason: p.Reason, hinted: response.Header.Get("Retry-After") != "", text: strconv.Itoa(response.StatusCode) + " " + string(answer)}
}

type overGRPC struct {
	conn  grpc.ClientConnInterface
	token func(testing.TB, cas.Grant) string
}

func (*overGRPC) String() string { return "gRPC" }

func (l *overGRPC) bearer(t *testing.T, ctx context.Context, grant cas.Grant) context.Context {
	t.Helper()
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+l.token(t, grant))
}

func (l *overGRPC) put(t *testing.T, grant cas.Grant, d digest.Digest, size int64, body io.Reader) outcome {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream, err := bytestream.NewByteStreamClient(l.conn).Write(l.bearer(t, ctx, grant))
	if err != nil {
		return grpcOutcome(err)
	}
	message := &bytestream.WriteRequest{ResourceName: d.Hex()}
	if size != cas.UnknownLength {
		message.ResourceName = fmt.Sprintf("uploads/%s/blobs/%s/%d", uuid.NewString(), d.Hex(), size)
	}
	for buffer := make([]byte, 256<<10); ; message = new(bytestream.WriteRequest) {
		n, err := io.ReadFull(body, buffer)
		message.Data = buffer[:n]
		message.FinishWrite = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		stopped := stream.Send(message) != nil // the answer says why
		switch {
		case err != nil && !message.FinishWrite:
			return lost(err) // and with it the client is gone
		case stopped, message.FinishWrite:
			_, err := stream.CloseAndRecv()
			return grpcOutcome(err)
		}
	}
}

func (l *overGRPC) get(t *testing.T, grant cas.Grant, d digest.Digest, want cas.Range, take func([]byte) error) outcome {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream, err := bytestream.NewByteStreamClient(l.conn).Read(l.bearer(t, ctx, grant),
		&bytestream.ReadRequest{ResourceName: d.Hex(), ReadOffset: want.Offset, ReadLimit: want.Length})
	for err == nil {
		var m *bytestream.ReadResponse
		if m, err = stream.Recv(); err == nil {
			if stop := take(m.GetData()); stop != nil {
				return lost(stop)
			}
		}
	}
	if errors.Is(err, io.EOF) {
		return outcome{}
	}
	return grpcOutcome(err)
}

func grpcOutcome(err error) outcome {
	if err == nil {
		return outcome{}
	}
	s := status.Convert(err)
	o := outcome{failed: true, reason: "NOT A PROBLEM", text: s.String()}
	for _, detail := range s.Details() {
		switch d := detail.(type) {
		case *errdetails.RetryInfo:
			o.hinted = d.GetRetryDelay().AsDuration() > 0
		case *errdetails.ErrorInfo:
			o.reason = d.GetReason()
		}
	}
	o.lost = o.reason == "NOT A PROBLEM" // the transport's, not the server's
	for _, kind := range problem.Kinds() {
		if kind.GRPCCode() == uint32(s.Code()) && (o.kind.GRPCCode() != uint32(s.Code()) || kind.Reason() == o.reason) {
			o.kind = kind
		}
	}
	return o
}

// read downloads want of d, as far as it comes.
func read(t *testing.T, l lane, grant cas.Grant, d digest.Digest, want cas.Range) ([]byte, outcome) {
	t.Helper()
	var got []byte
	o := l.get(t, grant, d, want, func(piece []byte) error { got = append(got, piece...); return nil })
	return got, o
}

// holds checks that d is content for its organization and nothing else, by reading it.
func (s *site) holds(t *testing.T, what string, l lane, d digest.Digest, content []byte) {
	t.Helper()
	if got, o := read(t, l, s.downloader(d), d, cas.Range{}); o.failed || !bytes.Equal(got, content) {
		t.Errorf("%s, %s: %d of %d bytes, right: %t, %s", l, what, len(got), len(content), bytes.Equal(got, content), o)
	}
}

// holdsOrLacks is holds for an upload that may have failed before its effect, or after.
func (s *site) holdsOrLacks(t *testing.T, what string, l lane, d digest.Digest, content []byte) {
	t.Helper()
	got, o := read(t, l, s.downloader(d), d, cas.Range{})
	absent := o.failed && o.kind == problem.NotFound && len(got) == 0
	if whole := !o.failed && bytes.Equal(got, content); !whole && !absent {
		t.Errorf("%s, %s: neither whole nor absent: %d of %d bytes, %s", l, what, len(got), len(content), o)
	}
}

// lacks checks that nothing is stored under d.
func (s *site) lacks(t *testing.T, what string, l lane, d digest.Digest) {
	t.Helper()
	if there, err := s.Store.Exists(t.Context(), cas.Ref{Org: s.org, Digest: d}); there || err != nil {
		t.Errorf("%s, %s: exists %t, %v", l, what, there, err)
	}
}

// noParts checks that no upload is unfinished. One that its client cut is aborted a
// moment after the client is gone.
func (s *site) noParts(t *testing.T, what string) {
	t.Helper()
	rig.Eventually(t, what+": no unfinished upload is left", func() bool { return len(s.Uploads(t)) == 0 })
}

// shape is a way in which an upload reaches S3.
type shape struct {
	name string
	size int
	in   func(size int) int64 // what the client declares
}

func declared(size int) int64 { return int64(size) }

func undeclared(int) int64 { return cas.UnknownLength }

// shapes: one request that can be repeated, one that cannot, and many.
var shapes = []shape{
	{"one request", 1000, declared},
	{"one stream", 2 << 20, declared},
	{"in parts", part + 1, undeclared},
}

func (s shape) put(t *testing.T, l lane, grant cas.Grant, d digest.Digest, body io.Reader) outcome {
	t.Helper()
	return l.put(t, grant, d, s.in(s.size), body)
}
