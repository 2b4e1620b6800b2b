package client

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// leftOffKey is where the control plane says what a list leaves out.
const leftOffKey = "managedcas-left-off"

// maxLeftOff bounds what is repeated of it, in bytes.
const maxLeftOff = 200

// tellLeftOff has the user told what a list leaves out: nothing in it shows that.
func tellLeftOff(tell func(line string)) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		var header metadata.MD
		err := invoke(ctx, method, req, reply, conn, append(options, grpc.Header(&header))...)
		for _, what := range header.Get(leftOffKey) {
			if tell != nil {
				tell(what[:min(len(what), maxLeftOff)])
			}
		}
		return err
	}
}
