package intrusion

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
)

// caller is a token, and the organization that its calls name.
type caller struct{ name, token, organization string }

func (c caller) context(ctx context.Context) context.Context {
	if c.token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+c.token)
	}
	return metadata.AppendToOutgoingContext(ctx, "chainloop-organization", c.organization)
}

// answer is all that comes back from a call.
type answer struct {
	outcome  string // "OK", or code, reason and text
	shown    string // the messages, for comparisons
	messages []proto.Message
	all      []string // what a leak could be in
	location string   // of HTTP
}

func descriptor(t *testing.T, method string) protoreflect.MethodDescriptor {
	t.Helper()
	service, name := protoreflect.FullName(method).Parent(), protoreflect.Name("")
	for i := range method {
		if method[i] == '/' {
			service, name = protoreflect.FullName(method[:i]), protoreflect.Name(method[i+1:])
		}
	}
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(service)
	must(t, err)
	return d.(protoreflect.ServiceDescriptor).Methods().ByName(name)
}

// send makes a call of any kind: a unary one looks like a stream of one message on the wire.
func send(t *testing.T, conn *grpc.ClientConn, as caller, method string, req proto.Message) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(as.context(t.Context()), time.Minute)
	defer cancel()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/"+method)
	var a answer
	if err != nil {
		a.outcome = outcomeOf(err)
		return a
	}
	if err = stream.SendMsg(req); err == nil || errors.Is(err, io.EOF) {
		err = stream.CloseSend()
	}
	output := descriptor(t, method).Output()
	for err == nil {
		m := dynamicpb.NewMessage(output)
		if err = stream.RecvMsg(m); err == nil {
			a.messages = append(a.messages, m)
			wire, err := proto.Marshal(m)
			must(t, err)
			text, err := protojson.Marshal(m)
			must(t, err)
			a.shown += string(text)
			a.all = append(a.all, string(wire), string(text))
		}
	}
	header, _ := stream.Header()
	for _, md := range []metadata.MD{header, stream.Trailer()} {
		for key, values := range md {
			a.all = append(a.all, key)
			a.all = append(a.all, values...)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	a.outcome = outcomeOf(err)
	s := status.Convert(err).Proto()
	a.all = append(a.all, s.String())
	return a
}

func outcomeOf(err error) string {
	if err == nil {
		return "OK"
	}
	s := status.Convert(err)
	reason := "-"
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			reason = info.GetReason()
		}
	}
	return fmt.Sprintf("%s %s %s", s.Code(), reason, s.Message())
}
