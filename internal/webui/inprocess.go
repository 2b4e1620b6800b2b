package webui

import (
	"context"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
)

// pipe is how much of a message waits to be read, in bytes.
const pipe = 256 << 10

// maxAnswer bounds an answer of the services, in bytes: 10,000 memberships, as other
// clients do.
const maxAnswer = 32 << 20

// InProcess returns a listener for a gRPC server and a connection to it that no network
// is between. Calls pass all of the server's interceptors.
func InProcess() (net.Listener, *grpc.ClientConn, error) {
	listener := bufconn.Listen(pipe)
	conn, err := grpc.NewClient("passthrough:///controlplane",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithUserAgent("managedcas-pages"), // in the audit log
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswer)),
	)
	if err != nil {
		return nil, nil, fmt.Errorf("connecting the pages to the services: %w", err)
	}
	return listener, conn, nil
}
