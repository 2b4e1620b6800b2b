package auth

import (
	"context"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// visitorKey is where the web pages, which call from within the process, say whose
// browser they call for.
const visitorKey = "managedcas-visitor"

// inProcess is the network of grpc's bufconn. Nobody outside of the process can come from it.
const inProcess = "bufconn"

// ForVisitor returns a context for calls within the process on behalf of who is at address.
func ForVisitor(ctx context.Context, address string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, visitorKey, address)
}

// AddressOf returns where a call comes from: the address of its connection, or, of a call
// from within the process, the visitor's. What others put into the same header is ignored.
func AddressOf(ctx context.Context) string {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return ""
	}
	if p.Addr.Network() == inProcess {
		md, _ := metadata.FromIncomingContext(ctx)
		if values := md.Get(visitorKey); len(values) == 1 {
			return values[0]
		}
	}
	return p.Addr.String()
}
