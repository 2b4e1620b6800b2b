package casgate_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/bytestream"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/emulator/journal"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/service"
	casv1 "github.com/managedcas/managedcas/proto/cas/v1"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
	"github.com/managedcas/managedcas/test/rig"
)

// site is one CAS over both protocols.
type site struct {
	*rig.Rig
	conn *grpc.ClientConn
	http *httptest.Server
}

func newSite(t *testing.T, options rig.Options) *site {
	t.Helper()
	if options.Reuse == 0 {
		options.Reuse = rig.LongReuse
	}
	r := rig.New(t, options)
	return &site{r, r.GRPC(t), r.HTTP(t)}
}

func uploader(id org.ID) cas.Grant { return cas.Grant{Org: id, Role: cas.Uploader} }

func downloader(id org.ID, d digest.Digest) cas.Grant {
	return cas.Grant{Org: id, Role: cas.Downloader, Digest: d}
}

func (s *site) request(t *testing.T, method string, d digest.Digest, grant cas.Grant, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.http.URL+"/v1/artifacts/"+d.String(), body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.Token(t, grant))
	return r
}

func (s *site) do(t *testing.T, r *http.Request) (*http.Response, string) {
	t.Helper()
	response, err := s.http.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return response, string(body)
}

// open begins an upload over gRPC, of which one byte has arrived.
func (s *site) open(t *testing.T, id org.ID, content []byte) bytestream.ByteStream_WriteClient {
	t.Helper()
	stream, err := bytestream.NewByteStreamClient(s.conn).Write(s.Bearer(t, t.Context(), uploader(id)))
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&bytestream.WriteRequest{ResourceName: digest.Of(content).Hex(), Data: content[:1]}); err != nil && !errors.Is(err, io.EOF) { // which is over, and the answer says why
		t.Fatal(err)
	}
	return stream
}

func finish(stream bytestream.ByteStream_WriteClient, rest []byte) error {
	if err := stream.Send(&bytestream.WriteRequest{Data: rest, FinishWrite: true}); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	_, err := stream.CloseAndRecv()
	return err
}

// metric waits until /metrics has the line.
func (s *site) metric(t *testing.T, line string) {
	t.Helper()
	handler := service.Metrics(s.Metrics.Collectors()...)
	rig.Eventually(t, "there is a line "+line, func() bool {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		return strings.Contains(w.Body.String(), line+"\n")
	})
}

// trickle gives one byte per pause, for ever.
type trickle struct{ pause time.Duration }

func (r trickle) Read(p []byte) (int, error) {
	<-time.After(r.pause)
	p[0] = 'x'
	return 1, nil
}

// W19: an upload that never stands still and never gets anywhere is ended by the floor
// of its speed, and any by the time that a transfer may take.
func TestW19_SlowUploadsEnd(t *testing.T) {
	t.Parallel()
	for name, limits := range map[string]service.Limits{
		"too slow": {Patience: 300 * time.Millisecond},
		"too long": {MinBytesPerSecond: 1, TransferTime: 500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, rig.Options{Limits: limits})
			id := s.Org(t)
			content, d := rig.Content(1 << 20)
			response, body := s.do(t, s.request(t, http.MethodPut, d, uploader(id), trickle{20 * time.Millisecond}))
			if response.StatusCode != http.StatusGatewayTimeout || !strings.Contains(body, name) {
				t.Errorf("HTTP: %s %s", response.Status, body)
			}
			stream := s.open(t, id, content)
			var err error
			for i := 1; err == nil && i < len(content); i++ {
				<-time.After(20 * time.Millisecond)
				err = stream.Send(&bytestream.WriteRequest{Data: content[i : i+1]})
			}
			err = stream.RecvMsg(new(bytestream.WriteResponse))
			if want := "the transfer " + map[string]string{"too slow": "is too slow", "too long": "took too long"}[name]; status.Code(err) != codes.DeadlineExceeded || !strings.Contains(err.Error(), want) {
				t.Errorf("gRPC: %v", err)
			}
			s.metric(t, `managedcas_transfers_total{kind="upload",outcome="deadline",protocol="grpc"} 1`)
		})
	}
}

// A client on a bad line that keeps up with the floor is served, however long it takes: it
// takes longer than the patience, of which the machine itself may use up most at once.
func TestSlowIsNotTooSlow(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{Limits: service.Limits{Patience: 3 * time.Second, MinBytesPerSecond: 2}})
	id := s.Org(t)
	content, d := rig.Content(70)
	body := &paced{content, 50 * time.Millisecond}
	if response, text := s.do(t, s.request(t, http.MethodPut, d, uploader(id), body)); response.StatusCode != http.StatusCreated {
		t.Errorf("%s %s", response.Status, text)
	}
}

type paced struct {
	content []byte
	pause   time.Duration
}

func (p *paced) Read(b []byte) (int, error) {
	if len(p.content) == 0 {
		return 0, io.EOF
	}
	<-time.After(p.pause)
	b[0], p.content = p.content[0], p.content[1:]
	return 1, nil
}

// unavailable checks that a refusal of either protocol says when to try again.
func (s *site) unavailable(t *testing.T, id org.ID, reason string) {
	t.Helper()
	content, d := rig.Content(10)
	response, body := s.do(t, s.request(t, http.MethodPut, d, uploader(id), bytes.NewReader(content)))
	if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" || !strings.Contains(body, reason) {
		t.Errorf("HTTP: %s %v %s", response.Status, response.Header, body)
	}
	_, err := casv1.NewResourceServiceClient(s.conn).Describe(s.Bearer(t, t.Context(), uploader(id)), &casv1.ResourceServiceDescribeRequest{Digest: d.Hex()})
	hinted, because := false, ""
	for _, detail := range status.Convert(err).Details() {
		switch d := detail.(type) {
		case *errdetails.RetryInfo:
			hinted = d.GetRetryDelay().AsDuration() > 0
		case *errdetails.ErrorInfo:
			because = d.GetReason()
		}
	}
	if status.Code(err) != codes.Unavailable || !hinted || because != reason {
		t.Errorf("gRPC: %v, retry hint %t, reason %s", err, hinted, because)
	}
}

// W19: whatever one organization does at once, another one's transfer goes through.
func TestW19_OneOrganizationHasItsShare(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{Limits: service.Limits{Transfers: 8, TransfersPerOrganization: 4, QueuePerOrganization: 1, QueueTime: 10 * time.Millisecond}})
	busy, other := s.Org(t), s.Org(t)
	content, d := rig.Content(1000)
	var held []bytestream.ByteStream_WriteClient
	for range 4 {
		held = append(held, s.open(t, busy, content))
	}
	s.metric(t, `managedcas_transfers_in_flight{kind="upload"} 4`)
	s.unavailable(t, busy, "ORGANIZATION_BUSY")
	s.metric(t, `managedcas_transfers_refused_total{reason="ORGANIZATION_BUSY"} 2`)
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			response, body := s.do(t, s.request(t, http.MethodPut, d, uploader(other), bytes.NewReader(content)))
			if response.StatusCode/100 != 2 {
				t.Errorf("another organization: %s %s", response.Status, body)
			}
		})
	}
	clients.Wait()
	for _, stream := range held {
		if err := finish(stream, content[1:]); err != nil {
			t.Errorf("a transfer that was let in: %v", err)
		}
	}
	s.metric(t, `managedcas_transfers_in_flight{kind="upload"} 0`)
	s.metric(t, `managedcas_transfer_bytes_total{kind="upload"} 8000`)
}

// What is in flight when the server is told to stop finishes; what comes then is told to
// try again; what takes longer than the grace is told so, too, and not that it is to blame.
func TestDrain(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{})
	id := s.Org(t)
	content, d := rig.Content(100_000)
	reader, writer := io.Pipe()
	answers := make(chan int, 1)
	go func() {
		r := s.request(t, http.MethodPut, d, uploader(id), reader)
		response, _ := s.do(t, r)
		answers <- response.StatusCode
	}()
	if _, err := writer.Write(content[:50_000]); err != nil {
		t.Fatal(err)
	}
	finishing, hanging := s.open(t, id, content), s.open(t, id, content)
	s.metric(t, `managedcas_transfers_in_flight{kind="upload"} 3`)

	grace, over := context.WithCancel(t.Context())
	drained := make(chan struct{})
	go func() { s.Gate.Drain(grace); close(drained) }()
	for s.Places.Open() == nil {
		<-time.After(time.Millisecond)
	}
	s.unavailable(t, id, "SERVER_STOPPING")
	_, _ = writer.Write(content[50_000:])
	_ = writer.Close()
	if got := <-answers; got/100 != 2 {
		t.Errorf("HTTP in flight: %d", got)
	}
	if err := finish(finishing, content[1:]); err != nil {
		t.Errorf("gRPC in flight: %v", err)
	}
	over()
	<-drained
	if err := hanging.RecvMsg(new(bytestream.WriteResponse)); status.Code(err) != codes.Unavailable {
		t.Errorf("after the grace: %v", err)
	}
}

// Nobody without a token has a message read: of no method.
func TestTheTokenComesFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{})
	for _, method := range []string{
		"/google.bytestream.ByteStream/Read", "/google.bytestream.ByteStream/Write",
		"/google.bytestream.ByteStream/QueryWriteStatus", casv1.ResourceService_Describe_FullMethodName,
		managedcasv1.DirectTransferService_Presign_FullMethodName, managedcasv1.DirectTransferService_Confirm_FullMethodName,
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		stream, err := s.conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method)
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.RecvMsg(new(bytestream.WriteResponse)); status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s: %v before any message, want Unauthenticated", method, err)
		}
	}
	if answer, err := casv1.NewStatusServiceClient(s.conn).Infoz(t.Context(), &casv1.InfozRequest{}); err != nil || answer.GetVersion() != "test" {
		t.Errorf("status: %v, %v", answer, err)
	}
}

// A warm transfer asks neither the database nor STS: both may be away.
func TestWarmTransfersAskNobodyElse(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{})
	id := s.Org(t)
	content, d := rig.Content(1000)
	put := func() {
		t.Helper()
		if err := finish(s.open(t, id, content), content[1:]); err != nil {
			t.Fatal(err)
		}
		if response, body := s.do(t, s.request(t, http.MethodGet, d, downloader(id, d), nil)); response.StatusCode != http.StatusOK || body != string(content) {
			t.Fatalf("%s, %d bytes", response.Status, len(body))
		}
	}
	put()
	s.Forget()
	if err := s.DB.Close(); err != nil {
		t.Fatal(err)
	}
	put()
	if n := len(s.AWS.Journal().Entries(journal.Filter{Service: "sts"})); n != 0 {
		t.Errorf("%d calls of STS", n)
	}
	if calls := s.Calls(); calls["PutObject"] != 1 || calls["GetObject"] != 1 || len(calls) != 2 {
		t.Errorf("S3 was asked for %v, want one PutObject and one GetObject", calls)
	}
}
