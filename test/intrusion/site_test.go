// Package intrusion is what members and tokens of one organization try against another, over
// the wire: every method of the control plane and of the CAS with the other's identifiers in
// every field that may hold one, forged and borrowed tokens, tokens that were good a moment
// ago, and the clock.
//
// table_test.go has a line for each method and each field. A method or field without one
// fails, and the failure says what to write.
package intrusion

import (
	"context"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/managedcas/managedcas/internal/auditlog"
	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/controlplane"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/service"
)

func TestMain(m *testing.M) { databasetest.MainOnEach(m, database.Migrate) }

// replica is one control plane: connections to the database, keys and memory of its own.
type replica struct {
	db     *database.DB
	tokens *auth.Tokens
	conn   *grpc.ClientConn
	server *grpc.Server
}

// fast is limits that no test meets.
var fast = controlplane.Limits{
	PerToken:        controlplane.Rate{PerSecond: 1e6, Burst: 1e6},
	PerOrganization: controlplane.Rate{PerSecond: 1e6, Burst: 1e6},
	PerAddress:      controlplane.Rate{PerSecond: 1e6, Burst: 1e6},
	CallTime:        time.Minute,
}

// newReplica serves a control plane on the database at target. The options are for what
// stands before the product's own interceptors.
func newReplica(t *testing.T, target string, options ...grpc.ServerOption) *replica {
	t.Helper()
	db := openDatabase(t, target)
	return newReplicaOn(t, db, startAudit(t, db, quiet()), options...)
}

func openDatabase(t *testing.T, target string) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), target)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func newReplicaOn(t *testing.T, db *database.DB, records *auditlog.Log, options ...grpc.ServerOption) *replica {
	t.Helper()
	r := &replica{db: db}
	api, err := auth.OpenKeyRing(t.Context(), r.db, registry.KeyUseAPI)
	must(t, err)
	keys, err := auth.OpenKeyRing(t.Context(), r.db, registry.KeyUseCAS)
	must(t, err)
	signer, err := auth.NewCASSigner(keys, 0)
	must(t, err)
	log := quiet()
	r.tokens = auth.NewTokens(r.db, r.db, api, log)
	plane := controlplane.New(controlplane.Config{
		Store: r.db, Tokens: r.tokens, Signer: signer, Keys: keys, Log: log, Audit: records,
		Version: "test", MaxArtifactBytes: 1 << 20, Limits: fast, PublicCAS: "https://cas.example",
	})
	r.server = service.NewGRPC(log, append(plane.ServerOptions(), options...)...)
	plane.Register(r.server)
	r.conn = dial(t, serve(t, r.server))
	return r
}

// startAudit runs a writer of audit records until the test ends.
func startAudit(t *testing.T, db *database.DB, log *slog.Logger) *auditlog.Log {
	t.Helper()
	records := auditlog.New(auditlog.Config{Store: db, Log: log, Window: time.Second})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- records.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return records
}

func serve(t *testing.T, server *grpc.Server) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

func dial(t *testing.T, address string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
