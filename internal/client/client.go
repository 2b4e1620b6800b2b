// Package client talks to a control plane and an artifact CAS on behalf of one token.
// It is what the command line client is made of. Artifacts are hashed on the way out
// and on the way in: what it returns without an error is what the digest says.
package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/problem/grpcproblem"
)

// maxReceiveBytes bounds one message from a server (facts WIRE §1.7).
const maxReceiveBytes = 32 << 20

// Config says where the servers are and who is calling.
type Config struct {
	ControlPlane   string // host:port
	ControlPlaneCA string // a PEM file, or the PEM text in base64; empty: the system's
	ArtifactCAS    string
	ArtifactCASCA  string
	Insecure       bool // plaintext, for servers on loopback
	Token          string
	Org            string // name; empty: the token's own
	Version        string // of the client, sent along
	// ResumeFrom is the size from which an upload is resumed when it is cut off, in bytes;
	// 0: 64 MiB, from which servers keep what has arrived.
	ResumeFrom int64
	// Tell is given lines about transfers for the user; nil: nobody is told.
	Tell func(line string)
	// Anonymous is for calls that need no token.
	Anonymous bool
	// CallTime bounds a call of the control plane; 0: 2 minutes.
	CallTime time.Duration
}

// Client is a connection to both servers. Close it.
type Client struct {
	cfg          Config
	controlPlane *grpc.ClientConn
	artifactCAS  *grpc.ClientConn
	direct       Direct
	storage      *storage // of direct transfers
}

// New prepares a client. It connects when it is first used.
func New(cfg Config) (*Client, error) {
	if cfg.ControlPlane == "" {
		return nil, problem.New(problem.Invalid, "no control plane address", "pass --control-plane HOST:PORT or set CHAINLOOP_CONTROL_PLANE_API")
	}
	if cfg.Token == "" && !cfg.Anonymous {
		return nil, problem.New(problem.Unauthenticated, "no token", "sign in with managedcas auth login, pass --token, or set CHAINLOOP_TOKEN")
	}
	if cfg.CallTime == 0 {
		cfg.CallTime = defaultCallTime
	}
	controlPlane, err := dial(cfg, cfg.ControlPlane, cfg.ControlPlaneCA, grpc.WithChainUnaryInterceptor(within(cfg.CallTime)))
	if err != nil {
		return nil, err
	}
	if cfg.ResumeFrom == 0 {
		cfg.ResumeFrom = defaultResumeFrom
	}
	c := &Client{cfg: cfg, controlPlane: controlPlane}
	if cfg.ArtifactCAS == "" {
		return c, nil // organization commands need none; artifacts() asks for it
	}
	if c.artifactCAS, err = dial(cfg, cfg.ArtifactCAS, cfg.ArtifactCASCA); err != nil {
		return nil, errors.Join(err, controlPlane.Close())
	}
	return c, nil
}

// Close closes the connections.
func (c *Client) Close() error {
	err := c.controlPlane.Close()
	if c.artifactCAS != nil {
		err = errors.Join(err, c.artifactCAS.Close())
	}
	return err
}

// defaultCallTime is longer than any control plane lets a call take.
const defaultCallTime = 2 * time.Minute

// within ends calls whose server has stopped to answer.
func within(limit time.Duration) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		return invoke(ctx, method, req, reply, conn, options...)
	}
}

func dial(cfg Config, address, ca string, options ...grpc.DialOption) (*grpc.ClientConn, error) {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return nil, problem.Wrap(err, problem.Invalid, fmt.Sprintf("unusable address %q", address), "use HOST:PORT, without a scheme")
	}
	transport, err := transportCredentials(cfg.Insecure, ca)
	if err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient("passthrough:///"+address, append(options,
		grpc.WithTransportCredentials(transport),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxReceiveBytes)),
		grpc.WithUserAgent("managedcas/"+cfg.Version),
		grpc.WithChainUnaryInterceptor(tellLeftOff(cfg.Tell)),
	)...)
	if err != nil {
		return nil, problem.Wrap(err, problem.Invalid, fmt.Sprintf("unusable address %q", address), "use HOST:PORT")
	}
	return conn, nil
}

func transportCredentials(plaintext bool, ca string) (credentials.TransportCredentials, error) {
	if plaintext {
		return insecure.NewCredentials(), nil
	}
	trust, err := trusting(ca)
	if err != nil {
		return nil, err
	}
	return credentials.NewTLS(trust), nil
}

func trusting(ca string) (*tls.Config, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("loading the system's certificate authorities: %w", err)
	}
	if ca == "" {
		return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
	}
	text, err := authority(ca)
	if err != nil {
		return nil, problem.Wrap(err, problem.Invalid, fmt.Sprintf("the certificate authority %q is no file that can be read, and no certificate itself", shortened(ca)), "pass a PEM file, or its text in base64")
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, problem.New(problem.Invalid, "no certificate in the given certificate authority", "pass a PEM file, or its text in base64")
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}

// authority returns the PEM text that value is or names (facts WIRE §1.1), or why the file
// that it must be meant to name cannot be read.
func authority(value string) ([]byte, error) {
	text, err := os.ReadFile(value)
	if err == nil {
		return text, nil
	}
	if strings.Contains(value, "-----BEGIN ") {
		return []byte(value), nil
	}
	if text, decoding := base64.StdEncoding.DecodeString(value); decoding == nil && strings.Contains(string(text), "-----BEGIN ") {
		return text, nil
	}
	return nil, err
}

// shortened is what an error repeats of a value that may be long.
func shortened(value string) string {
	const most = 80
	if len(value) > most {
		return value[:most] + "…"
	}
	return value
}

// call adds the metadata of a call to the control plane (facts WIRE §1.3).
func (c *Client) call(ctx context.Context) context.Context {
	if c.cfg.Token == "" {
		return metadata.AppendToOutgoingContext(ctx, "chainloop-cli-version", c.cfg.Version)
	}
	return metadata.AppendToOutgoingContext(ctx,
		"authorization", "Bearer "+c.cfg.Token,
		"chainloop-organization", c.cfg.Org,
		"chainloop-cli-version", c.cfg.Version)
}

// failed turns the error of a call, if there is one, into a problem with a next step.
func failed(err error) error {
	if err == nil {
		return nil
	}
	p := problem.From(grpcproblem.FromClient(err))
	if hint := tlsHint(p.Message()); p.Kind() == problem.Unavailable && hint != "" {
		return problem.Wrap(p, p.Kind(), p.Message(), hint).WithReason(p.Reason())
	}
	if hint := hints[p.Kind()]; p.Hint() == "" && hint != "" {
		return problem.Wrap(p, p.Kind(), p.Message(), hint).WithReason(p.Reason())
	}
	return p
}

// hints are the next steps of what servers say without one: the transport, which knows
// of none, and the texts about tokens, which other clients compare (facts WIRE §4).
var hints = map[problem.Kind]string{
	problem.Unavailable:     "is the server running at this address, and does it speak TLS (or --insecure)?",
	problem.Unimplemented:   "is this the address of the server that was meant? control plane and CAS have different ones",
	problem.Unauthenticated: "pass a token that is valid with --token or CHAINLOOP_TOKEN",
}
