package casgrpc_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"google.golang.org/genproto/googleapis/bytestream"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	casv1 "github.com/managedcas/managedcas/proto/cas/v1"
	"github.com/managedcas/managedcas/test/rig"
)

// An upload of the stock client's shape comes back through Read and Describe; the same
// again is a success.
func TestWriteReadDescribe(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{})
	for _, size := range []int{0, 1, 1 << 20, 3_500_000, part, part + 1} {
		content, _ := rig.Content(size)
		d := s.put(t, content)
		// Again: what is large is answered before it was all sent, without its size.
		if n, err := s.write(t, s.uploader(), messages(stockName(t, "b.txt", d.Hex()), content)...); err != nil || n != int64(size) && (n != 0 || size <= part) {
			t.Errorf("%d bytes, again: %d, %v", size, n, err)
		}
		blob := fmt.Sprintf("blobs/%s/%d", d.Hex(), size)
		if n, err := s.write(t, s.uploader(), messages("uploads/"+uuid.NewString()+"/"+blob, content)...); err != nil || n != int64(size) {
			t.Errorf("%d bytes, with their size: %d, %v", size, n, err)
		}
		if got, err := s.read(t, s.downloader(d), &bytestream.ReadRequest{ResourceName: blob}); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: %d came back, %v", blob, len(got), err)
		}
		_, err := s.read(t, s.downloader(d), &bytestream.ReadRequest{ResourceName: blob + "0"})
		if size > 0 {
			code(t, "another size", err, codes.NotFound)
		}
		got, err := s.read(t, s.downloader(d), &bytestream.ReadRequest{ResourceName: d.Hex()})
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes: %d came back, %v", size, len(got), err)
		}
		for _, grant := range []cas.Grant{s.downloader(d), s.uploader()} {
			info, err := s.describe(t, grant, d.Hex())
			if err != nil || info.GetSize() != int64(size) || info.GetFileName() != "a.txt" || info.GetDigest() != d.Hex() {
				t.Errorf("%d bytes, as %s: %v, %v", size, grant.Role, info, err)
			}
		}
	}
}

// The generic protocol allows what the stock client does not do (facts WIRE §5.4).
func TestWriteOfOtherClients(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{})
	for what, shape := range map[string]func(name string, content []byte) []*bytestream.WriteRequest{
		"all at once": func(name string, content []byte) []*bytestream.WriteRequest {
			return []*bytestream.WriteRequest{{ResourceName: name, Data: content, FinishWrite: true}}
		},
		"name in the first message only, offsets": func(name string, content []byte) []*bytestream.WriteRequest {
			return []*bytestream.WriteRequest{{ResourceName: name, Data: content[:3]}, {WriteOffset: 3, Data: content[3:]}, {WriteOffset: 10, FinishWrite: true}}
		},
		"empty messages in between": func(name string, content []byte) []*bytestream.WriteRequest {
			return []*bytestream.WriteRequest{{ResourceName: name}, {}, {Data: content}, {}, {FinishWrite: true}}
		},
		"more after the end": func(name string, content []byte) []*bytestream.WriteRequest {
			return []*bytestream.WriteRequest{{ResourceName: name, Data: content, FinishWrite: true}, {Data: []byte("more"), WriteOffset: 10}}
		},
	} {
		content, d := rig.Content(10)
		if n, err := s.write(t, s.uploader(), shape(d.Hex(), content)...); err != nil || n != 10 {
			t.Errorf("%s: %d, %v", what, n, err)
		}
		if got, err := s.read(t, s.downloader(d), &bytestream.ReadRequest{ResourceName: d.Hex()}); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
}

// W1, W3, W4, W18: uploads that are refused, with what, and that nothing is stored.
func TestI3_RefusedWrites(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{MaxBytes: part + 100})
	content, d := rig.Content(1000)
	name := stockName(t, "a.txt", d.Hex())
	tooMuch, tooMuchDigest := rig.Content(part + 101)
	bound, short := s.uploader(), s.uploader()
	bound.Digest, short.MaxBytes = digest.Of([]byte("other")), 999
	type M = bytestream.WriteRequest
	for _, row := range []struct {
		what     string
		grant    cas.Grant
		messages []*M
		want     codes.Code
	}{
		{"W1: another content", s.uploader(), messages(name, content[1:]), codes.InvalidArgument},
		{"nothing", s.uploader(), messages(name, nil), codes.InvalidArgument},
		{"W3: half-closed without finish_write", s.uploader(), []*M{{ResourceName: name, Data: content}}, codes.InvalidArgument},
		{"no message at all", s.uploader(), nil, codes.InvalidArgument},
		{"empty first message", s.uploader(), []*M{{}, {ResourceName: name, Data: content, FinishWrite: true}}, codes.InvalidArgument},
		{"W4: not a digest", s.uploader(), messages("not-a-digest/../x", content), codes.InvalidArgument},
		{"W4: not a digest, in gob", s.uploader(), messages(stockName(t, "a", "not-a-digest/../x"), content), codes.InvalidArgument},
		{"uppercase digest", s.uploader(), messages(strings.ToUpper(d.Hex()), content), codes.InvalidArgument},
		{"digest with its prefix", s.uploader(), messages(d.String(), content), codes.InvalidArgument},
		{"another name within the stream", s.uploader(), []*M{{ResourceName: name, Data: content[:10]}, {ResourceName: d.Hex(), Data: content[10:], FinishWrite: true}}, codes.InvalidArgument},
		{"offset ahead", s.uploader(), []*M{{ResourceName: name, Data: content[:10]}, {WriteOffset: 11, Data: content[10:], FinishWrite: true}}, codes.InvalidArgument},
		{"offset at the start", s.uploader(), []*M{{ResourceName: name, WriteOffset: 10, Data: content, FinishWrite: true}}, codes.InvalidArgument},
		{"negative offset", s.uploader(), []*M{{ResourceName: name, WriteOffset: -1, Data: content, FinishWrite: true}}, codes.InvalidArgument},
		{"message of more than 4 MiB", s.uploader(), []*M{{ResourceName: tooMuchDigest.Hex(), Data: tooMuch, FinishWrite: true}}, codes.ResourceExhausted},
		{"message of more than 4 MiB, later", s.uploader(), []*M{{ResourceName: tooMuchDigest.Hex()}, {Data: tooMuch, FinishWrite: true}}, codes.ResourceExhausted},
		{"W18: too large for the server", s.uploader(), messages(tooMuchDigest.Hex(), tooMuch), codes.ResourceExhausted},
		{"too large for the token", short, messages(name, content), codes.ResourceExhausted},
		{"W18: another size than declared, less", s.uploader(), messages("uploads/"+uuid.NewString()+"/blobs/"+d.Hex()+"/999", content), codes.InvalidArgument},
		{"W18: another size than declared, more", s.uploader(), messages("uploads/"+uuid.NewString()+"/blobs/"+d.Hex()+"/1001", content), codes.InvalidArgument},
		{"W18: a declared size that is too large", s.uploader(), []*M{{ResourceName: "uploads/" + uuid.NewString() + "/blobs/" + d.Hex() + "/5243101"}}, codes.ResourceExhausted},
		{"W27: bound to another digest", bound, messages(name, content), codes.PermissionDenied},
		{"a downloader", s.downloader(d), messages(name, content), codes.PermissionDenied},
	} {
		_, err := s.write(t, row.grant, row.messages...)
		code(t, row.what, err, row.want)
		s.absent(t, row.what, d)
		s.absent(t, row.what, tooMuchDigest)
	}
	if left := s.Uploads(t); len(left) > 0 {
		t.Errorf("W16: unfinished uploads: %q", left)
	}
}

// W13, W27: downloads that are refused.
func TestRefusedReads(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{})
	d := s.put(t, []byte("there"))
	missing := digest.Of([]byte("missing"))
	for _, row := range []struct {
		what    string
		grant   cas.Grant
		request *bytestream.ReadRequest
		want    codes.Code
	}{
		{"W13: missing", s.downloader(missing), &bytestream.ReadRequest{ResourceName: missing.Hex()}, codes.NotFound},
		{"W4: not a digest", s.downloader(d), &bytestream.ReadRequest{ResourceName: "../x"}, codes.InvalidArgument},
		{"with its prefix", s.downloader(d), &bytestream.ReadRequest{ResourceName: d.String()}, codes.InvalidArgument},
		{"no name", s.downloader(d), &bytestream.ReadRequest{}, codes.InvalidArgument},
		{"an uploader", s.uploader(), &bytestream.ReadRequest{ResourceName: d.Hex()}, codes.PermissionDenied},
		{"W27: bound to another", s.downloader(missing), &bytestream.ReadRequest{ResourceName: d.Hex()}, codes.PermissionDenied},
		{"another organization", cas.Grant{Org: s.Org(t), Role: cas.Downloader, Digest: d}, &bytestream.ReadRequest{ResourceName: d.Hex()}, codes.NotFound},
	} {
		got, err := s.read(t, row.grant, row.request)
		code(t, row.what, err, row.want)
		if len(got) > 0 {
			t.Errorf("%s: %q came", row.what, got)
		}
		_, err = s.describe(t, row.grant, row.request.GetResourceName())
		if row.grant.Role == cas.Downloader {
			code(t, row.what+", described", err, row.want)
		}
	}
}

// Who shows no token of ours is told so by every call; status is for everybody.
func TestUnauthenticated(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{})
	d := s.put(t, []byte("there"))
	token := s.Token(t, s.downloader(d))
	for what, header := range map[string][]string{
		"none": nil, "no scheme": {token}, "another scheme": {"Basic " + token}, "garbage": {"Bearer x"},
		"cut off": {"Bearer " + token[:len(token)-4]}, "two": {"Bearer " + token, "Bearer " + token},
	} {
		ctx := t.Context()
		for _, h := range header {
			ctx = metadata.AppendToOutgoingContext(ctx, "authorization", h)
		}
		_, err := casv1.NewResourceServiceClient(s.conn).Describe(ctx, &casv1.ResourceServiceDescribeRequest{Digest: d.Hex()})
		code(t, what+", describe", err, codes.Unauthenticated)
		reading, err := bytestream.NewByteStreamClient(s.conn).Read(ctx, &bytestream.ReadRequest{ResourceName: d.Hex()})
		if err != nil {
			t.Fatal(err)
		}
		_, err = reading.Recv()
		code(t, what+", read", err, codes.Unauthenticated)
		writing, err := bytestream.NewByteStreamClient(s.conn).Write(ctx)
		if err != nil {
			t.Fatal(err)
		}
		_, err = writing.CloseAndRecv()
		code(t, what+", write", err, codes.Unauthenticated)
	}
	info, err := casv1.NewStatusServiceClient(s.conn).Infoz(t.Context(), &casv1.InfozRequest{})
	if err != nil || info.GetVersion() != "test" {
		t.Errorf("status: %v, %v", info, err)
	}
}

// I10, I12: what is the operator's to repair is named in the log, not to the client,
// which may try again; after the repair that succeeds.
func TestI10_DeniedByAWS(t *testing.T) {
	t.Parallel()
	var log buffer
	s := newSite(t, rig.Options{Log: &log})
	content, d := rig.Content(10)
	s.Break(t, s.org)
	_, err := s.write(t, s.uploader(), messages(d.Hex(), content)...)
	code(t, "write", err, codes.Unavailable)
	_, err = s.read(t, s.downloader(d), &bytestream.ReadRequest{ResourceName: d.Hex()})
	code(t, "read", err, codes.Unavailable)
	_, err = s.describe(t, s.downloader(d), d.Hex())
	code(t, "describe", err, codes.Unavailable)
	if !strings.Contains(log.String(), "AccessDenied") {
		t.Errorf("the operator reads %s", log.String())
	}
	s.Reconcile(t, s.org)
	if got := s.put(t, content); got != d {
		t.Errorf("after the repair: %s", got)
	}
}
