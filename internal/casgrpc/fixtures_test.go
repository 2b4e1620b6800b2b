package casgrpc_test

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"errors"
	"io"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/bytestream"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	casv1 "github.com/managedcas/managedcas/proto/cas/v1"
	"github.com/managedcas/managedcas/test/rig"
)

const part = 5 << 20

// site is one CAS over gRPC with one organization.
type site struct {
	*rig.Rig
	conn *grpc.ClientConn
	org  org.ID
}

func newSite(t *testing.T, options rig.Options) *site {
	t.Helper()
	options.PartSize = part
	r := rig.New(t, options)
	return &site{Rig: r, conn: r.GRPC(t), org: r.Org(t)}
}

func (s *site) uploader() cas.Grant { return cas.Grant{Org: s.org, Role: cas.Uploader} }

func (s *site) downloader(d digest.Digest) cas.Grant {
	return cas.Grant{Org: s.org, Role: cas.Downloader, Digest: d}
}

// stockName is the resource name that the stock client sends (facts WIRE §5.3).
func stockName(t testing.TB, file, hex string) string {
	t.Helper()
	type CASResource struct {
		FileName string
		Digest   string
		Size     int64
	}
	var name bytes.Buffer
	if err := gob.NewEncoder(&name).Encode(&CASResource{FileName: file, Digest: hex}); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(name.Bytes())
}

// write sends the messages, half-closes and returns the answer.
func (s *site) write(t *testing.T, grant cas.Grant, messages ...*bytestream.WriteRequest) (int64, error) {
	t.Helper()
	stream, err := bytestream.NewByteStreamClient(s.conn).Write(s.Bearer(t, t.Context(), grant))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		if err := stream.Send(m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	answer, err := stream.CloseAndRecv()
	return answer.GetCommittedSize(), err
}

// messages splits content as the stock client does: data messages of 1 MiB that all
// carry the name, then one that says it is over (facts WIRE §5.4).
func messages(name string, content []byte) []*bytestream.WriteRequest {
	var all []*bytestream.WriteRequest
	for len(content) > 0 {
		n := min(len(content), 1<<20)
		all = append(all, &bytestream.WriteRequest{ResourceName: name, Data: content[:n]})
		content = content[n:]
	}
	return append(all, &bytestream.WriteRequest{ResourceName: name, FinishWrite: true})
}

func (s *site) put(t *testing.T, content []byte) digest.Digest {
	t.Helper()
	d := digest.Of(content)
	if n, err := s.write(t, s.uploader(), messages(stockName(t, "a.txt", d.Hex()), content)...); err != nil || n != int64(len(content)) {
		t.Fatalf("%d bytes of %d, %v", n, len(content), err)
	}
	return d
}

// read returns what came and how it ended; nil is OK.
func (s *site) read(t *testing.T, grant cas.Grant, request *bytestream.ReadRequest) ([]byte, error) {
	t.Helper()
	stream, err := bytestream.NewByteStreamClient(s.conn).Read(s.Bearer(t, t.Context(), grant), request)
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		got = append(got, m.GetData()...)
	}
}

func (s *site) describe(t *testing.T, grant cas.Grant, hex string) (*casv1.CASResource, error) {
	t.Helper()
	answer, err := casv1.NewResourceServiceClient(s.conn).Describe(s.Bearer(t, t.Context(), grant), &casv1.ResourceServiceDescribeRequest{Digest: hex})
	return answer.GetResult(), err
}

// code checks how a call failed, and that it says nothing of AWS (I10).
func code(t *testing.T, what string, err error, want codes.Code) {
	t.Helper()
	if got := status.Code(err); got != want {
		t.Errorf("%s: %v, want %s", what, err, want)
	}
	if text := status.Convert(err).String(); strings.Contains(text, "arn:") || strings.Contains(text, "accesspoint") {
		t.Errorf("%s: a client reads %s", what, text)
	}
}

// absent checks that nothing is stored under d.
func (s *site) absent(t *testing.T, what string, d digest.Digest) {
	t.Helper()
	if exists, err := s.Store.Exists(t.Context(), cas.Ref{Org: s.org, Digest: d}); exists || err != nil {
		t.Errorf("%s: exists %t, %v", what, exists, err)
	}
}
