package main

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/managedcas/managedcas/internal/audit"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// stumbling is an audit service that fails between two pages, once, and ends the command
// when it has told all.
type stumbling struct {
	managedcasv1.UnimplementedAuditServiceServer

	asked int
	end   context.CancelFunc
}

func (s *stumbling) Head(context.Context, *managedcasv1.AuditServiceHeadRequest) (*managedcasv1.AuditServiceHeadResponse, error) {
	return &managedcasv1.AuditServiceHeadResponse{Chain: "installation", Hash: audit.Hash{}.String()}, nil
}

func (s *stumbling) List(_ context.Context, req *managedcasv1.AuditServiceListRequest) (*managedcasv1.AuditServiceListResponse, error) {
	record := func(seq int64) []*managedcasv1.AuditRecord {
		return []*managedcasv1.AuditRecord{{Seq: seq, Id: uuid.NewString(), Hash: audit.Hash{}.String(), Action: "page." + string(rune('0'+seq))}}
	}
	s.asked++
	switch {
	case s.asked == 2:
		return nil, status.Error(codes.Unavailable, "in a moment")
	case req.GetCursor() == "" && req.GetAfterSeq() == 0:
		return &managedcasv1.AuditServiceListResponse{Records: record(1), NextCursor: "1"}, nil
	case s.asked > 4:
		s.end()
		return &managedcasv1.AuditServiceListResponse{}, nil
	case req.GetCursor() == "1" || req.GetAfterSeq() == 1:
		return &managedcasv1.AuditServiceListResponse{Records: record(2)}, nil
	}
	return &managedcasv1.AuditServiceListResponse{}, nil
}

// What was shown before a server stumbled is not shown again.
func TestFollowShowsEachRecordOnce(t *testing.T) {
	t.Parallel()
	ctx, end := context.WithCancel(t.Context())
	defer end()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	managedcasv1.RegisterAuditServiceServer(server, &stumbling{end: end})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	var stdout, stderr bytes.Buffer
	code := run(ctx, []string{"audit", "list", "--follow", "--control-plane", listener.Addr().String(), "--insecure", "--token", "x"}, &stdout, &stderr)
	if code != 0 || strings.Count(stdout.String(), "page.1") != 1 || strings.Count(stdout.String(), "page.2") != 1 {
		t.Errorf("%d: %s%s", code, &stdout, &stderr)
	}
}
