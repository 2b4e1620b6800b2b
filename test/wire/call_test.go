package wire

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/managedcas/managedcas/test/sources"
)

// raw is a codec that passes bytes.
type raw struct{}

func (raw) Marshal(v any) ([]byte, error)   { return *v.(*[]byte), nil }
func (raw) Unmarshal(b []byte, v any) error { *v.(*[]byte) = slices.Clone(b); return nil }
func (raw) Name() string                    { return "proto" }

func dial(t *testing.T, at string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+at, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{}), grpc.MaxCallRecvMsgSize(32<<20)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// caller is a client with its metadata (facts WIRE §1.3): the organization is there
// whenever the token is, and empty when it is not given.
type caller struct {
	conn         *grpc.ClientConn
	token        string
	organization string
}

func (c caller) context(t *testing.T) context.Context {
	ctx := metadata.AppendToOutgoingContext(t.Context(), "chainloop-cli-version", "v1.106.1-oss")
	if c.token == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+c.token, "chainloop-organization", c.organization)
}

func (c caller) call(t *testing.T, method string, fields ...[]byte) (message, error) {
	t.Helper()
	request, response := slices.Concat(fields...), []byte{}
	if err := c.conn.Invoke(c.context(t), "/"+method, &request, &response); err != nil {
		return nil, err
	}
	return parse(t, response), nil
}

// must is call for what has to succeed.
func (c caller) must(t *testing.T, method string, fields ...[]byte) message {
	t.Helper()
	m, err := c.call(t, method, fields...)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	return m
}

// refused is what an error has to be. An empty message or reason is any.
type refused struct {
	code    codes.Code
	message string
	reason  string
}

// check reads an error as the stock client does: the code, the message, and the reason in
// the ErrorInfo (facts WIRE §7.1).
func (want refused) check(t *testing.T, what string, err error) {
	t.Helper()
	s := status.Convert(err)
	if s.Code() != want.code || !strings.Contains(s.Message(), want.message) {
		t.Errorf("%s: %v %q, want %v %q", what, s.Code(), s.Message(), want.code, want.message)
		return
	}
	if err == nil {
		return
	}
	details := s.Proto().GetDetails()
	if len(details) == 0 || details[0].GetTypeUrl() != "type.googleapis.com/google.rpc.ErrorInfo" {
		t.Errorf("%s: no ErrorInfo: %v", what, details)
		return
	}
	info := parse(t, details[0].GetValue())
	if info.text(1) == "" || info.text(2) != "" {
		t.Errorf("%s: reason %q, domain %q", what, info.text(1), info.text(2))
	}
	if want.reason != "" && info.text(1) != want.reason {
		t.Errorf("%s: reason %q, want %q", what, info.text(1), want.reason)
	}
}

// site is an organization with a token of its own, and the ways in.
type site struct {
	name         string
	controlplane caller // with the organization's token, which names none
	admin        caller // the installation's token, which names the organization
}

func admin(t *testing.T) caller {
	return caller{conn: dial(t, daemon.Controlplane.GRPC), token: daemon.AdminToken}
}

// newSite makes an organization and waits until its storage is ready.
func newSite(t *testing.T, name string) site {
	t.Helper()
	sources.Note(t)
	a := admin(t)
	a.must(t, "controlplane.v1.OrganizationService/Create", text(1, name))
	a.organization = name
	created := a.must(t, "controlplane.v1.APITokenService/Create", text(3, "ci"))
	s := site{name: name, admin: a, controlplane: caller{conn: a.conn, token: created.at(t, 1).text(2)}}
	err := await(t.Context(), func() (bool, error) {
		_, err := s.controlplane.call(t, "controlplane.v1.CASCredentialsService/Get", number(1, 2))
		if status.Code(err) == codes.Unavailable {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		t.Fatal(fmt.Errorf("organization %s: %w", name, err))
	}
	return s
}

// cas returns a client of the CAS with a token for that role and digest.
func (s site) cas(t *testing.T, role uint64, digest string) caller {
	t.Helper()
	got := s.controlplane.must(t, "controlplane.v1.CASCredentialsService/Get", number(1, role), text(2, digest))
	return caller{conn: dial(t, daemon.CAS.GRPC), token: got.at(t, 1).text(2)}
}
