package rig

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"

	"github.com/managedcas/managedcas/internal/admission"
	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/casgate"
	"github.com/managedcas/managedcas/internal/casgrpc"
	"github.com/managedcas/managedcas/internal/cashttp"
	"github.com/managedcas/managedcas/internal/catalogue"
	"github.com/managedcas/managedcas/internal/service"
)

// Token signs a CAS token.
func (r *Rig) Token(t testing.TB, grant cas.Grant) string {
	t.Helper()
	signer, err := auth.NewCASSigner(r.Keys, auth.DefaultCASLifetime)
	must(t, err)
	text, err := signer.Sign(t.Context(), grant, r.backendOf(t, grant))
	must(t, err)
	return text
}

// backendOf is the storage backend that the control plane would name.
func (r *Rig) backendOf(t testing.TB, grant cas.Grant) uuid.UUID {
	t.Helper()
	if grant.Backend != uuid.Nil {
		return grant.Backend
	}
	if known, ok := r.managed.Load(grant.Org); ok { // also when the database is away
		return known.(uuid.UUID)
	}
	list, err := r.DB.Backends(t.Context(), grant.Org)
	must(t, err)
	for _, b := range list {
		if b.Managed {
			r.managed.Store(grant.Org, b.ID)
			return b.ID
		}
	}
	return uuid.New() // of an organization that is gone
}

// Bearer returns a context for gRPC calls that carries a CAS token.
func (r *Rig) Bearer(t testing.TB, ctx context.Context, grant cas.Grant) context.Context {
	t.Helper()
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+r.Token(t, grant))
}

// HTTPHandler is the CAS over HTTP.
func (r *Rig) HTTPHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", r.Gate.HTTP(cashttp.New(cashttp.Config{
		Store: r.explained(), Uploads: r.uploads(), Tokens: r.Gate, MaxBytes: r.options.MaxBytes, Idle: r.options.Idle, Log: r.log,
	})))
	mux.Handle("POST /v1/artifacts/{digest}", r.Gate.HTTP(cashttp.NewDirect(casgate.AuditedTransfers{Transfers: r.Direct}, r.Gate, r.log)))
	return mux
}

func (r *Rig) explained() casgate.Store {
	explained := casgate.Explained{Store: r.Store, Organizations: countedOrganizations{r.DB, &r.reads}}
	if r.Catalogue != nil {
		explained.Store = catalogue.Recorded{Store: r.Store, Catalogue: r.Catalogue}
	}
	return casgate.Audited{Store: explained}
}

func (r *Rig) uploads() casgate.AuditedUploads {
	return casgate.AuditedUploads{Uploads: casgate.ExplainedUploads{Uploads: r.Store, Organizations: r.DB}}
}

// newGate returns what stands in front of both.
func (r *Rig) newGate(t testing.TB) *casgate.Gate {
	t.Helper()
	limits := r.options.Limits.WithDefaults()
	var err error
	r.Places, err = admission.New(admission.Limits{
		Transfers: limits.Transfers, PerOrganization: limits.TransfersPerOrganization,
		Waiting: limits.QueuePerOrganization, Wait: limits.QueueTime, BytesPerSecond: limits.BytesPerSecondPerOrganization,
		// Not the default: the embedded AWS and other tests are in this process, too.
		MemoryBytes: uint64(r.options.Limits.MemoryBytes),
	})
	must(t, err)
	bound, err := casgate.NewBound(auth.NewCASVerifier(r.Keys), r.DB)
	must(t, err)
	return casgate.New(casgate.Config{
		Tokens: bound, Admission: r.Places, Metrics: r.Metrics, Audit: r.Audit, Tracing: r.options.Tracing,
		Pace: casgate.Pace{Patience: limits.Patience, BytesPerSecond: limits.MinBytesPerSecond, Longest: limits.TransferTime},
	})
}

// HTTP serves the CAS over HTTP.
func (r *Rig) HTTP(t testing.TB) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(r.HTTPHandler())
	t.Cleanup(server.Close)
	return server
}

// ServeGRPC serves the CAS over gRPC on listener.
func (r *Rig) ServeGRPC(t testing.TB, listener net.Listener) *grpc.Server {
	t.Helper()
	server := service.NewGRPC(r.log, slices.Concat(r.Gate.ServerOptions(), casgrpc.ServerOptions())...)
	casgrpc.New(casgrpc.Config{
		Store: r.explained(), Uploads: r.uploads(), Tokens: r.Gate, Direct: casgate.AuditedTransfers{Transfers: r.Direct}, MaxBytes: r.options.MaxBytes, Idle: r.options.Idle, Version: "test", Log: r.log,
	}).Register(server)
	serve(t, server, listener)
	return server
}

// GRPC serves the CAS in memory and connects to it.
func (r *Rig) GRPC(t testing.TB) *grpc.ClientConn {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	r.ServeGRPC(t, listener)
	conn, err := grpc.NewClient("passthrough:///cas",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func serve(t testing.TB, server *grpc.Server, listener net.Listener) {
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
