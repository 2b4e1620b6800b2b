package controlplane_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/managedcas/managedcas/internal/auditlog"
	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/controlplane"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/federation"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

func TestMain(m *testing.M) { databasetest.MainOnEach(m, database.Migrate) }

const maxArtifact = 100 << 20

// buffer is a bytes.Buffer that the server may write while a test reads.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// plane is a control plane on a real database, and a connection to it.
type plane struct {
	audit    *auditlog.Log
	db       *database.DB
	tokens   *auth.Tokens
	keys     *auth.KeyRing
	server   *controlplane.Server
	services *grpc.Server
	conn     *grpc.ClientConn
	log      *buffer
}

func newPlane(t *testing.T, limits ...controlplane.Limits) *plane {
	t.Helper()
	return newPlaneWith(t, nil, limits...)
}

// newPlaneWith is newPlane for attestations, which go to uploads.
func newPlaneWith(t *testing.T, uploads controlplane.Uploads, limits ...controlplane.Limits) *plane {
	t.Helper()
	return newPlaneOf(t, func(cfg *controlplane.Config) {
		cfg.Limits, cfg.Uploads = append(limits, controlplane.Limits{})[0], uploads
	})
}

// newPlaneOf is newPlane with a configuration that is changed.
func newPlaneOf(t *testing.T, change func(*controlplane.Config)) *plane {
	t.Helper()
	p := &plane{log: &buffer{}}
	log := slog.New(slog.NewTextHandler(p.log, nil))
	var err error
	if p.db, err = database.Open(t.Context(), databasetest.Fresh(t, database.Migrate)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.db.Close() })
	api, err := auth.OpenKeyRing(t.Context(), p.db, registry.KeyUseAPI)
	if err != nil {
		t.Fatal(err)
	}
	if p.keys, err = auth.OpenKeyRing(t.Context(), p.db, registry.KeyUseCAS); err != nil {
		t.Fatal(err)
	}
	signer, err := auth.NewCASSigner(p.keys, 0)
	if err != nil {
		t.Fatal(err)
	}
	p.tokens = auth.NewTokens(p.db, p.db, api, log)
	p.audit = startAudit(t, p.db, log)
	pipelines, err := federation.New(federation.Config{Store: p.db, Tokens: p.tokens, Issuers: federation.DefaultIssuers, Audit: p.audit, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	cfg := controlplane.Config{
		Federation: pipelines,
		Store:      p.db, Tokens: p.tokens, Signer: signer, Keys: p.keys, Log: log, Audit: p.audit,
		Version: "v0.0.0-test", MaxArtifactBytes: maxArtifact,
	}
	change(&cfg)
	if cfg.Limits.CallTime == 0 {
		cfg.Limits.CallTime = time.Minute // others compute beside it
	}
	p.server = controlplane.New(cfg)
	p.services = grpc.NewServer(p.server.ServerOptions()...)
	p.server.Register(p.services)
	listener := bufconn.Listen(1 << 20)
	go func() { _ = p.services.Serve(listener) }()
	t.Cleanup(p.services.Stop)
	p.conn, err = grpc.NewClient("passthrough:///bufconn",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.conn.Close() })
	return p
}

// organization creates one in a state; a Ready or Degraded one has a valid backend.
func (p *plane) organization(t *testing.T, name org.Name, state org.State) org.Organization {
	t.Helper()
	o := org.Organization{ID: org.NewID(), Name: name, State: org.Pending, CreatedAt: time.Now()}
	if err := p.db.CreateOrganization(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if state == org.Ready || state == org.Degraded {
		if err := p.db.SaveManagedBackend(t.Context(), o.ID); err != nil {
			t.Fatal(err)
		}
	}
	return p.move(t, o, state, "")
}

func (p *plane) move(t *testing.T, o org.Organization, state org.State, reason string) org.Organization {
	t.Helper()
	moved, err := p.db.SetOrganizationState(t.Context(), o.ID, state, reason)
	if err != nil {
		t.Fatal(err)
	}
	return moved
}

// token issues a token of o, or an instance token for the zero organization.
func (p *plane) token(t *testing.T, o org.Organization) string {
	t.Helper()
	text, _, err := p.tokens.Issue(t.Context(), auth.NewToken{Organization: o, Name: "test", Replace: true})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// user signs somebody in, and returns their login.
func (p *plane) user(t *testing.T, name string) (registry.User, string) {
	t.Helper()
	u, err := p.db.SignIn(t.Context(), registry.Identity{
		Issuer: "https://id.example", Subject: name, Email: name + "@example.com", EmailVerified: true, FirstName: name,
	})
	if err != nil {
		t.Fatal(err)
	}
	text, _, err := p.tokens.LogIn(t.Context(), u, "test", 0)
	if err != nil {
		t.Fatal(err)
	}
	return u, text
}

// join makes a user a member by invitation.
func (p *plane) join(t *testing.T, u registry.User, o org.Organization, role registry.Role) registry.Membership {
	t.Helper()
	now := time.Now()
	i := registry.Invitation{ID: uuid.New(), Org: o.ID, Email: u.Email, Role: role, InvitedBy: "test", CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
	if err := p.db.Invite(t.Context(), i); err != nil {
		t.Fatal(err)
	}
	m, err := p.db.AcceptInvitation(t.Context(), i.ID, u, now)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// as returns a context that calls with a token and names an organization, both as
// the stock client does: the header is there whenever the token is, and empty when
// nothing is named (facts WIRE §1.3).
func as(t *testing.T, token, name string) context.Context {
	t.Helper()
	if token == "" {
		return t.Context()
	}
	return metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token, "chainloop-organization", name)
}

func wantCode(t *testing.T, what string, err error, want codes.Code) {
	t.Helper()
	if got := status.Code(err); got != want {
		t.Errorf("%s: %v, want code %v", what, err, want)
	}
}

func (p *plane) organizations() controlplanev1.OrganizationServiceClient {
	return controlplanev1.NewOrganizationServiceClient(p.conn)
}

func (p *plane) users() controlplanev1.UserServiceClient {
	return controlplanev1.NewUserServiceClient(p.conn)
}

func (p *plane) contexts() controlplanev1.ContextServiceClient {
	return controlplanev1.NewContextServiceClient(p.conn)
}

func (p *plane) backends() controlplanev1.CASBackendServiceClient {
	return controlplanev1.NewCASBackendServiceClient(p.conn)
}

func (p *plane) credentials() controlplanev1.CASCredentialsServiceClient {
	return controlplanev1.NewCASCredentialsServiceClient(p.conn)
}

func (p *plane) apiTokens() controlplanev1.APITokenServiceClient {
	return controlplanev1.NewAPITokenServiceClient(p.conn)
}

func (p *plane) admin() managedcasv1.OrganizationAdminServiceClient {
	return managedcasv1.NewOrganizationAdminServiceClient(p.conn)
}

func (p *plane) artifacts() managedcasv1.ArtifactServiceClient {
	return managedcasv1.NewArtifactServiceClient(p.conn)
}

// startAudit runs a writer of audit records until the test ends.
func startAudit(t *testing.T, db *database.DB, log *slog.Logger) *auditlog.Log {
	records := auditlog.New(auditlog.Config{Store: db, Log: log, Window: 50 * time.Millisecond})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = records.Run(ctx) // always nil
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return records
}

func (p *plane) members() managedcasv1.MemberServiceClient {
	return managedcasv1.NewMemberServiceClient(p.conn)
}

func (p *plane) invitations() managedcasv1.InvitationServiceClient {
	return managedcasv1.NewInvitationServiceClient(p.conn)
}
