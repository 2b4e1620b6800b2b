// Package controlplane is the API of the installation: organizations, storage
// backends, API tokens, and the short-lived tokens that the CAS accepts.
//
// Invariants:
//   - Every method has a row in the access table (access.go); one without a row is
//     denied.
//   - The organization of a call is its caller's (DESIGN I1).
//   - No answer names an AWS resource (DESIGN I10): a managed storage backend is shown
//     by two fixed labels, and the reason of a degraded organization stays here.
//   - What stock clients read unchecked is always set (facts WIRE §2, §3).
package controlplane

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
	"google.golang.org/grpc"

	"github.com/managedcas/managedcas/internal/auditlog"
	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// Store is what the services need of a database.
type Store interface {
	// CreateOrganization stores an organization, its pending storage backend, and the job
	// of the reconciler, and its first members; registry.ErrExists when the name is taken.
	CreateOrganization(ctx context.Context, o org.Organization, members ...registry.Membership) error
	// OrganizationByName returns a living organization, or registry.ErrNotFound.
	OrganizationByName(ctx context.Context, name org.Name) (org.Organization, error)
	// OrganizationByID returns one that may be deleted, or registry.ErrNotFound.
	OrganizationByID(ctx context.Context, id org.ID) (org.Organization, error)
	// ListOrganizations returns up to limit living organizations in the order of their
	// names, from the first after the given one.
	ListOrganizations(ctx context.Context, after org.Name, limit int) ([]org.Organization, error)
	// SetOrganizationState moves an organization on in its life, or fails with
	// org.ErrTransition.
	SetOrganizationState(ctx context.Context, id org.ID, next org.State, reason string) (org.Organization, error)
	// Backends returns an organization's storage backends.
	Backends(ctx context.Context, id org.ID) ([]registry.Backend, error)
	// Conditions returns what is known of an organization's storage, and Events up to limit
	// of what happened to it, the latest first.
	Conditions(ctx context.Context, id org.ID) ([]registry.Condition, error)
	Events(ctx context.Context, id org.ID, limit int) ([]registry.Event, error)
	// Artifacts returns up to limit entries of an organization's catalogue, the newest
	// first, from the one after the entry of d that was stored at t (zero: from the newest).
	Artifacts(ctx context.Context, id org.ID, t time.Time, d digest.Digest, limit int) ([]registry.Artifact, error)
	// MissingArtifacts returns those of the digests that have no entry, in their order.
	MissingArtifacts(ctx context.Context, id org.ID, digests []digest.Digest) ([]digest.Digest, error)
	Deletions
	BackendRecords
	Attestations
	CraftingStates
	Audit
	Members
	Invitations
	Logins
	Bootstraps
	Trusts
	// Ping reports whether the database answers.
	Ping(ctx context.Context) error
}

// Signer signs CAS tokens.
type Signer interface {
	// Sign returns a token that says what grant says, for the storage backend.
	Sign(ctx context.Context, grant cas.Grant, backend uuid.UUID) (string, error)
}

// Published are the public keys of the Signer.
type Published interface {
	// JWKS returns the key set that verifiers fetch.
	JWKS(ctx context.Context) jose.JSONWebKeySet
}

// Config is what New needs. Every field is required but those that say otherwise.
type Config struct {
	Store  Store
	Tokens *auth.Tokens
	Signer Signer
	Keys   Published
	Audit  *auditlog.Log
	Log    *slog.Logger
	// Version of the program, as StatusService shows it.
	Version string
	// MaxArtifactBytes bounds an artifact where its storage backend sets no bound.
	MaxArtifactBytes int64
	// OwnBuckets are the buckets that organizations may bring; nil: they may not.
	OwnBuckets *OwnBuckets
	// Uploads stores the bundles of attestations; nil: none are taken.
	Uploads Uploads
	// PublicCAS is the URL of the CAS's HTTP port as clients reach it; empty: nobody is told.
	PublicCAS string
	// Checks are what has to work besides the database for the server to be ready, by name.
	Checks map[string]func(context.Context) error
	// Limits of callers. What it leaves out has its default.
	Limits Limits
	// RestrictOrganizationCreation leaves it to administrators of the installation.
	RestrictOrganizationCreation bool
	// Federation exchanges the tokens of pipelines; nil: none are.
	Federation Federation
	// LoginURL is where browsers sign in; empty: nobody can.
	LoginURL string
	// Pages are served over HTTP beside the control plane's own, by their patterns, and
	// within the same limits.
	Pages map[string]http.Handler
}

// Server implements the services.
type Server struct {
	cfg       Config
	limiter   *limiter
	readiness singleflight.Group
	unready   rate.Sometimes // one line of the log
	listed    int            // organizations in an answer without pages
}

// New returns a server. It does nothing before a request comes.
func New(cfg Config) *Server {
	return &Server{cfg: cfg, limiter: newLimiter(cfg.Limits, cfg.Tokens.Seen), unready: rate.Sometimes{Interval: time.Second}, listed: maxListed}
}

// Register adds the services to r, whose server must have been made with
// ServerOptions: without its interceptors nobody is let in.
func (s *Server) Register(r grpc.ServiceRegistrar) {
	controlplanev1.RegisterContextServiceServer(r, contexts{server: s})
	controlplanev1.RegisterOrganizationServiceServer(r, organizations{server: s})
	controlplanev1.RegisterUserServiceServer(r, users{server: s})
	controlplanev1.RegisterCASBackendServiceServer(r, backends{server: s})
	controlplanev1.RegisterCASCredentialsServiceServer(r, credentials{server: s})
	controlplanev1.RegisterAPITokenServiceServer(r, tokens{server: s})
	controlplanev1.RegisterStatusServiceServer(r, status{server: s})
	controlplanev1.RegisterCASRedirectServiceServer(r, redirects{server: s})
	controlplanev1.RegisterAttestationServiceServer(r, attestations{server: s})
	controlplanev1.RegisterAttestationStateServiceServer(r, craftingStates{server: s})
	controlplanev1.RegisterSigningServiceServer(r, signing{})
	managedcasv1.RegisterOrganizationAdminServiceServer(r, admin{server: s})
	managedcasv1.RegisterArtifactServiceServer(r, artifacts{server: s})
	managedcasv1.RegisterAuditServiceServer(r, auditing{server: s})
	managedcasv1.RegisterOwnBucketServiceServer(r, ownBuckets{server: s})
	managedcasv1.RegisterMemberServiceServer(r, members{server: s})
	managedcasv1.RegisterInvitationServiceServer(r, invitations{server: s})
	managedcasv1.RegisterLoginServiceServer(r, logins{server: s})
	managedcasv1.RegisterBootstrapServiceServer(r, bootstraps{server: s})
	managedcasv1.RegisterTrustServiceServer(r, trusts{server: s})
	managedcasv1.RegisterFederationServiceServer(r, federating{server: s})
}

// ServerOptions returns the interceptors: outermost, one log line per call and the
// translation of errors; then the record of what is refused; the limits of who is not
// known yet; authentication; the limits of who is; then authorization.
func (s *Server) ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(s.logUnary, s.auditUnary, s.limiter.arriving, s.cfg.Tokens.UnaryServer(public), knownOrigin, s.limiter.calling, s.authorizeUnary),
		grpc.ChainStreamInterceptor(s.logStream, s.auditStream, s.limiter.arrivingStream, s.cfg.Tokens.StreamServer(public), s.limiter.callingStream, s.authorizeStream),
	}
}

// HTTPHandler serves what is public over HTTP: health, version, keys, the way to a download,
// and how people sign in. others gets the requests for everything else; nil: there is nothing
// else.
func (s *Server) HTTPHandler(others http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.HandleFunc("GET /infoz", s.infoz)
	mux.HandleFunc("GET /statusz", s.statusz)
	mux.HandleFunc("GET /download/{digest}", s.download)
	mux.HandleFunc("GET /.well-known/jwks.json", s.jwks)
	for pattern, page := range s.cfg.Pages {
		mux.Handle(pattern, page)
	}
	limited := s.limiter.overHTTP(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, known := mux.Handler(r); known == "" && others != nil && !knownOtherwise(mux, r) {
			others.ServeHTTP(w, r)
			return
		}
		limited.ServeHTTP(w, r)
	})
}
