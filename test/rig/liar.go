package rig

import (
	"context"
	"testing"

	"google.golang.org/genproto/googleapis/bytestream"
	"google.golang.org/grpc"

	casv1 "github.com/managedcas/managedcas/proto/cas/v1"
)

// Liar serves an artifact CAS of somebody else's making, which describes and sends
// what it is told to, whatever it is asked for, and ends well. It returns its address.
func Liar(t testing.TB, described *casv1.CASResource, sent []byte) string {
	t.Helper()
	server := grpc.NewServer()
	l := &liar{described: described, sent: sent}
	bytestream.RegisterByteStreamServer(server, l)
	casv1.RegisterResourceServiceServer(server, l)
	listener := loopback(t)
	serve(t, server, listener)
	return listener.Addr().String()
}

type liar struct {
	bytestream.UnimplementedByteStreamServer
	casv1.UnimplementedResourceServiceServer
	described *casv1.CASResource
	sent      []byte
}

func (l *liar) Describe(context.Context, *casv1.ResourceServiceDescribeRequest) (*casv1.ResourceServiceDescribeResponse, error) {
	return &casv1.ResourceServiceDescribeResponse{Result: l.described}, nil
}

func (l *liar) Read(_ *bytestream.ReadRequest, stream bytestream.ByteStream_ReadServer) error {
	return stream.Send(&bytestream.ReadResponse{Data: l.sent})
}
