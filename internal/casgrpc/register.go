package casgrpc

import (
	"context"

	"google.golang.org/genproto/googleapis/bytestream"
	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	casv1 "github.com/managedcas/managedcas/proto/cas/v1"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// Register adds the services to r. Every method is registered as a stream, which looks
// the same on the wire: grpc-go receives the message of a unary method, up to 4 MiB,
// before any interceptor could ask for a token.
func (s *Server) Register(r grpc.ServiceRegistrar) {
	r.RegisterService(streamed(byteStream), s)
	r.RegisterService(streamed(casv1.ResourceService_ServiceDesc), s)
	r.RegisterService(streamed(casv1.StatusService_ServiceDesc), statusService{version: s.cfg.Version})
	r.RegisterService(streamed(healthv1.Health_ServiceDesc), health{})
	if s.cfg.Direct != nil {
		r.RegisterService(streamed(managedcasv1.DirectTransferService_ServiceDesc), directService{server: s})
	}
}

// byteStream is the service as genproto has it, which does not export it.
var byteStream = grpc.ServiceDesc{
	ServiceName: "google.bytestream.ByteStream",
	HandlerType: (*bytestream.ByteStreamServer)(nil),
	Methods: []grpc.MethodDesc{{
		MethodName: "QueryWriteStatus",
		Handler: func(srv any, ctx context.Context, receive func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			request := new(bytestream.QueryWriteStatusRequest)
			if err := receive(request); err != nil {
				return nil, err
			}
			return srv.(bytestream.ByteStreamServer).QueryWriteStatus(ctx, request)
		},
	}},
	Streams: []grpc.StreamDesc{{
		StreamName: "Read", ServerStreams: true,
		Handler: func(srv any, stream grpc.ServerStream) error {
			request := new(bytestream.ReadRequest)
			if err := stream.RecvMsg(request); err != nil {
				return err
			}
			return srv.(bytestream.ByteStreamServer).Read(request,
				&grpc.GenericServerStream[bytestream.ReadRequest, bytestream.ReadResponse]{ServerStream: stream})
		},
	}, {
		StreamName: "Write", ClientStreams: true,
		Handler: func(srv any, stream grpc.ServerStream) error {
			return srv.(bytestream.ByteStreamServer).Write(
				&grpc.GenericServerStream[bytestream.WriteRequest, bytestream.WriteResponse]{ServerStream: stream})
		},
	}},
	Metadata: "google/bytestream/bytestream.proto",
}

// streamed returns desc with its unary methods as streams of one message each way.
func streamed(desc grpc.ServiceDesc) *grpc.ServiceDesc {
	for _, method := range desc.Methods {
		desc.Streams = append(desc.Streams[:len(desc.Streams):len(desc.Streams)], grpc.StreamDesc{
			StreamName: method.MethodName, ServerStreams: true, // or grpc-go takes it for unary
			Handler: func(srv any, stream grpc.ServerStream) error {
				answer, err := method.Handler(srv, stream.Context(), stream.RecvMsg, nil)
				if err != nil {
					return err
				}
				return stream.SendMsg(answer)
			},
		})
	}
	desc.Methods = nil
	return &desc
}
