package casprocess

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/bytestream"
	"google.golang.org/grpc/metadata"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/test/rig"
)

// calls counts what an upload or download asks of AWS in a process that has just started.
func (s *scene) calls(t *testing.T, transfer func(p *running)) int {
	t.Helper()
	p := s.start(t)
	s.holder.hold(0, before)
	transfer(p)
	n := s.holder.count()
	p.Kill()
	return n
}

// I3, I4: cas is killed at every call of AWS that an upload makes, before AWS has seen it
// and after it has happened. Nobody was told that it succeeded, nothing is visible in part,
// and the next process takes the same upload.
func TestKilledWithinAnUpload(t *testing.T) {
	t.Parallel()
	cases := 0
	for _, u := range uploads {
		t.Run(u.name, func(t *testing.T) {
			s := newScene(t)
			calls := s.calls(t, func(p *running) {
				content, d := rig.Content(u.size)
				if status, _, err := s.put(t, p, d, u, bytes.NewReader(content)); status != http.StatusCreated {
					t.Fatalf("%d, %v", status, err)
				}
			})
			t.Logf("%d calls of AWS", calls)
			for n := 1; n <= calls; n++ {
				for _, when := range []when{before, after} {
					s.killUpload(t, fmt.Sprintf("%s call %d of %d", when, n, calls), u, n, when, n == calls && when == after)
					cases++
				}
			}
			if u.chunked {
				s.afterwards(t, 1)
			}
		})
	}
	if least := 2 * (2 + 2 + 7); cases < least {
		t.Errorf("%d cases, want at least %d", cases, least)
	}
	t.Logf("%d cases", cases)
}

// killUpload kills a fresh cas in its nth call; done: after which the artifact is there.
func (s *scene) killUpload(t *testing.T, what string, u upload, n int, when when, done bool) {
	t.Helper()
	content, d := rig.Content(u.size)
	p := s.start(t)
	held := s.holder.hold(n, when)
	answered := make(chan string, 1)
	go func() {
		status, _, err := s.put(t, p, d, u, bytes.NewReader(content))
		answered <- fmt.Sprint(status/100, err)
		if err == nil && status/100 == 2 {
			t.Errorf("%s: the client was told that it succeeded", what)
		}
	}()
	select {
	case <-held:
	case answer := <-answered:
		t.Fatalf("%s: never held: %s", what, answer)
	}
	p.Kill()
	<-answered
	s.holder.release()
	if there := s.visible(t, d); there != done {
		t.Errorf("%s: visible %t", what, there)
	}
	p = s.start(t)
	want := map[bool]int{false: http.StatusCreated, true: http.StatusOK}[done]
	if status, _, err := s.put(t, p, d, u, bytes.NewReader(content)); status != want || err != nil {
		t.Errorf("%s: again: %d, %v, want %d", what, status, err, want)
	}
	s.holds(t, what, p, d, content)
	p.Kill()
}

// afterwards sweeps when the uploads of the killed have expired: no part of theirs is left.
// An upload whose id got lost on its way to the process has none; lost is how many of those
// there may be, which S3's lifecycle rule ends.
func (s *scene) afterwards(t *testing.T, lost int) {
	t.Helper()
	before := len(s.Uploads(t))
	s.later.Store(int64(25 * time.Hour))
	if err := s.Another(t).Sweep(t.Context()); err != nil {
		t.Error(err)
	}
	s.later.Store(0)
	left := s.Uploads(t)
	t.Logf("unfinished uploads of killed processes: %d, after the sweep %d", before, len(left))
	if len(left) > lost {
		t.Errorf("the sweeper left %q, of which %d may have no record", left, lost)
	}
	if before <= lost {
		t.Errorf("%d unfinished uploads before the sweep: there was nothing to sweep", before)
	}
}

// The client has sent some of its bytes, over gRPC, when cas is killed: in the first
// buffer, at the border of a part, and in a later part.
func TestKilledBetweenTwoMessages(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	content, d := rig.Content(2*part + 1)
	recorded := int64(0)
	for _, sent := range []int{0, 1, 64 << 10, 1 << 20, part, part + 1, 2 * part} {
		what := fmt.Sprintf("after %d bytes", sent)
		p := s.start(t)
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+s.Token(t, s.uploader()))
		stream, err := bytestream.NewByteStreamClient(p.conn).Write(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for rest := content[:sent]; ; {
			piece := rest[:min(len(rest), 256<<10)]
			if err := stream.Send(&bytestream.WriteRequest{ResourceName: d.Hex(), Data: piece}); err != nil {
				t.Fatal(err)
			}
			if rest = rest[len(piece):]; len(rest) == 0 {
				break
			}
		}
		if sent > part {
			recorded++ // it goes in parts
			// Killed between S3's beginning them and its record, it would leave
			// what no sweeper finds: TestKilledWithinAnUpload does that on purpose.
			poll(t, what+": it is recorded", func() bool {
				n, err := s.DB.CountUploads(t.Context())
				return err == nil && n == recorded
			})
		}
		p.Kill()
		if answer, err := stream.CloseAndRecv(); err == nil {
			t.Errorf("%s: the client was told %v", what, answer)
		}
		if s.visible(t, d) {
			t.Errorf("%s: it is visible", what)
		}
	}
	p := s.start(t)
	if status, _, err := s.put(t, p, d, uploads[2], bytes.NewReader(content)); status != http.StatusCreated {
		t.Errorf("again: %d, %v", status, err)
	}
	s.holds(t, "again", p, d, content)
	s.afterwards(t, 0)
}

// I5: cas is killed at every call of a download, within the object as well. The client
// knows that it has not got it, and the next process serves it.
func TestKilledWithinADownload(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	content, d := rig.Content(2 << 20)
	p := s.start(t)
	if status, _, err := s.put(t, p, d, uploads[1], bytes.NewReader(content)); status != http.StatusCreated {
		t.Fatalf("%d, %v", status, err)
	}
	p.Kill()
	calls := s.calls(t, func(p *running) { s.holds(t, "without a fault", p, d, content) })
	cases := 0
	for n := 1; n <= calls; n++ {
		for _, when := range []when{before, amid, after} {
			s.killDownload(t, fmt.Sprintf("%s call %d of %d", when, n, calls), n, when, d, content)
			cases++
		}
	}
	if cases < 3*2 {
		t.Errorf("%d cases", cases)
	}
	t.Logf("%d cases", cases)
}

func (s *scene) killDownload(t *testing.T, what string, n int, when when, d digest.Digest, content []byte) {
	t.Helper()
	p := s.start(t)
	held := s.holder.hold(n, when)
	var got []byte
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		status, _, err := s.get(t, p, d, func(piece []byte) { got = append(got, piece...) })
		if err == nil && status == http.StatusOK {
			t.Errorf("%s: the client was told that this is all: %d bytes", what, len(got))
		}
	}()
	select {
	case <-held:
	case <-answered:
		t.Fatalf("%s: never held, %d bytes", what, len(got))
	}
	p.Kill()
	<-answered
	s.holder.release()
	if len(got) >= len(content) || !bytes.HasPrefix(content, got) {
		t.Errorf("%s: %d bytes, of the artifact: %t", what, len(got), bytes.HasPrefix(content, got))
	}
	p = s.start(t)
	s.holds(t, what, p, d, content)
	p.Kill()
}
