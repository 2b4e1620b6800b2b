package bench

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/managedcas/managedcas/internal/auditlog"
	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/controlplane"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/service"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

func TestMain(m *testing.M) { databasetest.Main(m, database.Migrate) }

// The load on CASCredentials/Get: what several pipelines of several organizations ask.
const (
	issuingOrganizations = 10
	issuingTokens        = 5 // of each
	issuingConnections   = 4
	issuingClients       = 32
	issuingCalls         = 2000 // in a round
)

// BenchmarkCASCredentials asks for CAS tokens on PostgreSQL, and has a method that answers
// at once called behind the same interceptors, by turns. Clients, servers and PostgreSQL
// share the machine. "ratio" is the time of the empty method by that of Get.
func BenchmarkCASCredentials(b *testing.B) {
	db, err := database.Open(b.Context(), databasetest.Postgres(b))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	api, tokens := newIssuer(b, db)
	callers := newCallers(b, db, tokens)
	get, echo := serveCalls(b, api, api.Register), serveCalls(b, api, func(r grpc.ServiceRegistrar) {
		controlplanev1.RegisterCASCredentialsServiceServer(r, echoing{})
	})
	round := func(conns []*grpc.ClientConn) time.Duration {
		begin := time.Now()
		err := each(issuingClients, issuingCalls, func(i int64) error {
			client := controlplanev1.NewCASCredentialsServiceClient(conns[i%issuingConnections])
			_, err := client.Get(callers[i%int64(len(callers))], &controlplanev1.CASCredentialsServiceGetRequest{
				Role: controlplanev1.CASCredentialsServiceGetRequest_ROLE_UPLOADER,
			})
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		return time.Since(begin)
	}
	round(get) // connections, statements, caches
	round(echo)
	var gets, echoes []time.Duration
	for b.Loop() {
		gets, echoes = append(gets, round(get)), append(echoes, round(echo))
	}
	g, e := median(gets), median(echoes)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(issuingCalls/g.Seconds(), "get/s")
	b.ReportMetric(issuingCalls/e.Seconds(), "echo/s")
	b.ReportMetric(float64(e)/float64(g), "ratio")
}

// echoing answers at once.
type echoing struct {
	controlplanev1.UnimplementedCASCredentialsServiceServer
}

func (echoing) Get(context.Context, *controlplanev1.CASCredentialsServiceGetRequest) (*controlplanev1.CASCredentialsServiceGetResponse, error) {
	return &controlplanev1.CASCredentialsServiceGetResponse{}, nil
}

// newIssuer returns a control plane as managedcasd makes one, with rates that are no bound.
func newIssuer(b *testing.B, db *database.DB) (*controlplane.Server, *auth.Tokens) {
	log := slog.New(slog.NewJSONHandler(io.Discard, nil))
	rings := map[registry.KeyUse]*auth.KeyRing{}
	for _, use := range []registry.KeyUse{registry.KeyUseAPI, registry.KeyUseCAS} {
		ring, err := auth.OpenKeyRing(b.Context(), db, use)
		if err != nil {
			b.Fatal(err)
		}
		rings[use] = ring
	}
	signer, err := auth.NewCASSigner(rings[registry.KeyUseCAS], auth.DefaultCASLifetime)
	if err != nil {
		b.Fatal(err)
	}
	tokens := auth.NewTokens(db, db, rings[registry.KeyUseAPI], log)
	unbound := controlplane.Rate{PerSecond: 1e6, Burst: 1e6}
	return controlplane.New(controlplane.Config{
		Store: db, Tokens: tokens, Signer: signer, Keys: rings[registry.KeyUseCAS], Log: log,
		Audit:   auditlog.New(auditlog.Config{Store: db, Log: log}),
		Version: "bench", MaxArtifactBytes: 1 << 30, Limits: controlplane.Limits{PerToken: unbound, PerOrganization: unbound},
	}), tokens
}

// newCallers returns the contexts of calls with each of the tokens.
func newCallers(b *testing.B, db *database.DB, tokens *auth.Tokens) []context.Context {
	var callers []context.Context
	for i := range issuingOrganizations {
		o := org.Organization{ID: org.NewID(), Name: org.Name(fmt.Sprint("org-", i)), State: org.Pending, CreatedAt: time.Now()}
		if err := db.CreateOrganization(b.Context(), o); err != nil {
			b.Fatal(err)
		}
		if err := db.SaveManagedBackend(b.Context(), o.ID); err != nil {
			b.Fatal(err)
		}
		o, err := db.SetOrganizationState(b.Context(), o.ID, org.Ready, "")
		if err != nil {
			b.Fatal(err)
		}
		for j := range issuingTokens {
			text, _, err := tokens.Issue(b.Context(), auth.NewToken{Organization: o, Name: fmt.Sprint("token-", j)})
			if err != nil {
				b.Fatal(err)
			}
			callers = append(callers, metadata.AppendToOutgoingContext(b.Context(), "authorization", "Bearer "+text, "chainloop-organization", string(o.Name)))
		}
	}
	return callers
}

// serveCalls serves what register adds behind the control plane's interceptors, on
// loopback, and connects to it.
func serveCalls(b *testing.B, api *controlplane.Server, register func(grpc.ServiceRegistrar)) []*grpc.ClientConn {
	server := service.NewGRPC(slog.New(slog.DiscardHandler), append(service.NewCallMetrics().ServerOptions(), api.ServerOptions()...)...)
	register(server)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	b.Cleanup(server.Stop)
	var conns []*grpc.ClientConn
	for range issuingConnections {
		conn, err := grpc.NewClient("passthrough:///"+listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = conn.Close() })
		conns = append(conns, conn)
	}
	return conns
}
