package datapath

import (
	"bytes"
	"net"
	"net/http"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/emulator/journal"
	"github.com/managedcas/managedcas/internal/service"
	"github.com/managedcas/managedcas/test/rig"
)

// calls returns what AWS was asked since the last Forget, of every service.
func (s *site) calls() []string {
	var calls []string
	for _, e := range s.AWS.Journal().Entries(journal.Filter{}) {
		calls = append(calls, e.Operation)
	}
	return calls
}

// stranger is a client that nobody has seen before, with a connection of its own.
func (s *site) stranger(t *testing.T, address, protocol string) lane {
	t.Helper()
	if protocol == "HTTP" {
		transport := &http.Transport{}
		t.Cleanup(transport.CloseIdleConnections)
		return &overHTTP{s.url, &http.Client{Transport: transport}, s.Token}
	}
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &overGRPC{conn, s.Token}
}

func (s *site) listenGRPC(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.ServeGRPC(t, listener)
	return listener.Addr().String()
}

// The bill of WIRE §8.1, ours: a warm transfer is one call of AWS, of a client that comes
// for the first time as well, and reads neither the database nor a secret.
func TestW14_OneCallPerTransfer(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{Reuse: rig.LongReuse})
	address := s.listenGRPC(t)
	content, d := rig.Content(1000)
	for _, l := range s.lanes(t) {
		if o := l.put(t, s.uploader(), d, 1000, bytes.NewReader(content)); o.failed { // it is warm
			t.Fatal(o)
		}
	}
	secrets, organizations := s.Reads()
	for range 5 {
		for _, protocol := range []string{"HTTP", "gRPC"} {
			l := s.stranger(t, address, protocol)
			content, d := rig.Content(1000)
			put := func() outcome { return l.put(t, s.uploader(), d, 1000, bytes.NewReader(content)) }
			for _, step := range []struct {
				what string
				do   func() outcome
				call string
			}{
				{"upload", put, "PutObject"},
				{"duplicate", put, "PutObject"},
				{"download", func() outcome { _, o := read(t, l, s.downloader(d), d, cas.Range{}); return o }, "GetObject"},
				{"part of it", func() outcome { _, o := read(t, l, s.downloader(d), d, cas.Range{Offset: 9, Length: 9}); return o }, "GetObject"},
			} {
				s.Forget()
				if o := step.do(); o.failed {
					t.Errorf("%s, %s: %s", protocol, step.what, o)
				}
				if calls := s.calls(); len(calls) != 1 || calls[0] != step.call {
					t.Errorf("%s, %s: %q, want one %s", protocol, step.what, calls, step.call)
				}
			}
		}
	}
	if moreSecrets, moreOrganizations := s.Reads(); moreSecrets != secrets || moreOrganizations != organizations {
		t.Errorf("%d secrets and %d organizations were read", moreSecrets-secrets, moreOrganizations-organizations)
	}
}

// A session is minted once per organization and lifetime, however many clients come at the
// same time before there is one.
func TestOneSessionForManyFirstRequests(t *testing.T) {
	t.Parallel()
	const clients = 64
	s := newSite(t, rig.Options{Reuse: rig.LongReuse, Limits: service.Limits{Transfers: 2 * clients, TransfersPerOrganization: clients}})
	address := s.listenGRPC(t)
	for organizations := 1; organizations <= 2; organizations++ {
		s.Forget()
		var start, all sync.WaitGroup
		start.Add(clients)
		for i := range clients {
			l := s.stranger(t, address, []string{"HTTP", "gRPC"}[i%2])
			content, d := rig.Content(1000)
			body := &gathering{Reader: bytes.NewReader(content), arrive: func() { start.Done(); start.Wait() }}
			all.Go(func() {
				if o := l.put(t, s.uploader(), d, 1000, body); o.failed {
					t.Error(o)
				}
			})
		}
		all.Wait()
		minted := 0
		for _, e := range s.AWS.Journal().Entries(journal.Filter{Operation: "AssumeRole"}) {
			if e.Resource == s.Installation.BaseRoleARN() { // and not the process's own
				minted++
			}
		}
		if minted != 1 {
			t.Errorf("%d sessions for %d first requests of an organization", minted, clients)
		}
		s.org = s.Org(t)
	}
}

// gathering is a body of which nothing is sent before arrive returns.
type gathering struct {
	*bytes.Reader
	arrive func()
	once   sync.Once
}

func (g *gathering) Read(p []byte) (int, error) {
	g.once.Do(g.arrive)
	return g.Reader.Read(p)
}

// The connections of the CAS to AWS are kept: a request costs none, whoever comes. The
// server in use today opens at least one for each (WIRE §8.1).
func TestNoConnectionPerRequest(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{Reuse: rig.LongReuse})
	address := s.listenGRPC(t)
	var stored []digest.Digest
	transfer := func(protocol string) {
		t.Helper()
		l := s.stranger(t, address, protocol)
		content, d := rig.Content(1000)
		if o := l.put(t, s.uploader(), d, 1000, bytes.NewReader(content)); o.failed {
			t.Error(o)
		}
		s.holds(t, "download", l, d, content)
		stored = append(stored, d)
	}
	transfer("HTTP")
	before := s.Connections()
	for range 25 {
		transfer("HTTP")
		transfer("gRPC")
	}
	// The one that a request leaves a moment too late for the next one is no leak.
	if n := s.Connections() - before; n > 5 || len(stored) != 51 {
		t.Errorf("%d connections to AWS for %d requests one after the other", n, 2*(len(stored)-1))
	}
}
