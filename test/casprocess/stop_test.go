package casprocess

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/bytestream"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/managedcas/managedcas/test/rig"
)

// SIGTERM while uploads and downloads are on their way: they end as if nothing had
// happened, who comes then is told when to try again, and the process ends with 0.
func TestToldToStopWithinTransfers(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := s.start(t)
	in := uploads[2]
	stored, storedDigest := rig.Content(in.size)
	if status, _, err := s.put(t, p, storedDigest, in, bytes.NewReader(stored)); status != http.StatusCreated {
		t.Fatalf("%d, %v", status, err)
	}

	// An upload over HTTP and one over gRPC have sent half, a download has got some.
	overHTTP, httpDigest := rig.Content(in.size)
	reader, writer := io.Pipe()
	httpEnded := make(chan int, 1)
	go func() {
		status, _, _ := s.put(t, p, httpDigest, in, reader)
		httpEnded <- status
	}()
	if _, err := writer.Write(overHTTP[:in.size/2]); err != nil {
		t.Fatal(err)
	}
	overGRPC, grpcDigest := rig.Content(1 << 20)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+s.Token(t, s.uploader()))
	stream, err := bytestream.NewByteStreamClient(p.conn).Write(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&bytestream.WriteRequest{ResourceName: grpcDigest.Hex(), Data: overGRPC[:1000]}); err != nil {
		t.Fatal(err)
	}
	first, resume, downloaded := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var got []byte
	go func() {
		defer close(downloaded)
		if _, _, err := s.get(t, p, storedDigest, func(piece []byte) {
			if len(got) == 0 {
				close(first)
				<-resume
			}
			got = append(got, piece...)
		}); err != nil {
			t.Errorf("the download: %v", err)
		}
	}()
	<-first
	s.inside(t, p)

	p.terminate(t)
	s.refused(t, p)
	close(resume)
	if _, err := writer.Write(overHTTP[in.size/2:]); err != nil {
		t.Errorf("the upload over HTTP: %v", err)
	}
	_ = writer.Close()
	if status := <-httpEnded; status != http.StatusCreated {
		t.Errorf("the upload over HTTP: %d", status)
	}
	if err := stream.Send(&bytestream.WriteRequest{Data: overGRPC[1000:], FinishWrite: true}); err != nil {
		t.Errorf("the upload over gRPC: %v", err)
	}
	if answer, err := stream.CloseAndRecv(); err != nil || answer.GetCommittedSize() != int64(len(overGRPC)) {
		t.Errorf("the upload over gRPC: %v, %v", answer, err)
	}
	<-downloaded
	if !bytes.Equal(got, stored) {
		t.Errorf("the download: %d bytes of %d", len(got), len(stored))
	}
	<-p.Ended()
	if err := p.Err(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	p = s.start(t)
	s.holds(t, "what came over HTTP", p, httpDigest, overHTTP)
	s.holds(t, "what came over gRPC", p, grpcDigest, overGRPC)
	if left := s.Uploads(t); len(left) > 0 {
		t.Errorf("unfinished uploads: %q", left)
	}
}

// inside waits until the metrics say that two uploads are in.
func (s *scene) inside(t *testing.T, p *running) {
	t.Helper()
	poll(t, "two uploads and a download are in flight", func() bool {
		response, err := http.Get(p.at.HTTP + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		return err == nil && bytes.Contains(text, []byte(`transfers_in_flight{kind="upload"} 2`)) &&
			bytes.Contains(text, []byte(`transfers_in_flight{kind="download"} 1`))
	})
}

// refused waits until new transfers are refused, over both protocols and with a hint.
func (s *scene) refused(t *testing.T, p *running) {
	t.Helper()
	_, d := rig.Content(10)
	poll(t, "HTTP refuses", func() bool {
		status, header, err := s.get(t, p, d, func([]byte) {})
		if err != nil {
			t.Fatalf("a new transfer: %v", err)
		}
		if status == http.StatusServiceUnavailable && header.Get("Retry-After") == "" {
			t.Error("HTTP: no Retry-After")
		}
		return status == http.StatusServiceUnavailable
	})
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+s.Token(t, s.downloader(d)))
	reading, err := bytestream.NewByteStreamClient(p.conn).Read(ctx, &bytestream.ReadRequest{ResourceName: d.Hex()})
	if err == nil {
		_, err = reading.Recv()
	}
	hinted := false
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			hinted = info.GetRetryDelay().AsDuration() > 0
		}
	}
	if status.Code(err) != codes.Unavailable || !hinted {
		t.Errorf("gRPC: %v, retry hint %t", err, hinted)
	}
}

func poll(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline, tick := time.After(time.Minute), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within a minute: %s", what)
		}
	}
}
