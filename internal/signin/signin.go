// Package signin signs people in with the OpenID Connect provider of the operator: in a
// browser, in a client on the same machine (RFC 8252), and on a device without a browser
// (RFC 8628), for which this server stands before the provider.
//
// Invariants:
//   - Who somebody is, is the provider's issuer and the subject of an ID token that it
//     signed for us, for this attempt (nonce), in this browser (a sealed cookie, state).
//   - An address counts for something only when the provider has verified it.
//   - Every code is good once, for a minute or ten, for whoever can show what it is bound
//     to; only its hash is kept.
//   - A client, on this machine or another, gets a login only when somebody has said on a
//     page of ours, with their name on it, that it is theirs.
//   - A redirect leads to a path of this server, or to a port of this machine's loopback.
package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
)

// Path is where everything here is served.
const Path = "/auth/"

// MinSecret is the shortest client secret, in bytes: the key that seals cookies is made
// of it.
const MinSecret = 16

// Store is what signing in needs of a database.
type Store interface {
	// SignIn returns the user whom a provider says somebody is.
	SignIn(ctx context.Context, who registry.Identity) (registry.User, error)
	// User returns a user, or registry.ErrNotFound.
	User(ctx context.Context, id uuid.UUID) (registry.User, error)
	// SetInstanceAdmin makes a user an administrator of the installation.
	SetInstanceAdmin(ctx context.Context, user uuid.UUID, admin bool) error
	// RevokeLogin ends a login of a user.
	RevokeLogin(ctx context.Context, user, id uuid.UUID, at time.Time) error
	Codes
	Devices
}

// Codes are what clients exchange for logins.
type Codes interface {
	// CreateClientCode stores a code.
	CreateClientCode(ctx context.Context, c registry.ClientCode, now time.Time) error
	// UseClientCode returns a code once, and then registry.ErrNotFound.
	UseClientCode(ctx context.Context, sum [sha256.Size]byte, now time.Time) (registry.ClientCode, error)
}

// Devices are machines that wait.
type Devices interface {
	// CreateDevice stores one; registry.ErrExists when its user code is taken,
	// registry.ErrUnavailable when too many wait.
	CreateDevice(ctx context.Context, d registry.Device) error
	// DeviceByUserCode returns one that nobody has decided about, or registry.ErrNotFound.
	DeviceByUserCode(ctx context.Context, userCode string, now time.Time) (registry.Device, error)
	// DecideDevice records what a user says of one, or fails with registry.ErrNotFound.
	DecideDevice(ctx context.Context, userCode string, user uuid.UUID, state registry.DeviceState, now time.Time) error
	// PollDevice tells a device how it stands; registry.ErrTooSoon, registry.ErrNotFound.
	PollDevice(ctx context.Context, sum [sha256.Size]byte, now time.Time) (registry.Device, error)
}

// Config is what New needs.
type Config struct {
	// PublicURL is how browsers reach this server: scheme, host and port.
	PublicURL    string
	Issuer       string
	ClientID     string
	ClientSecret string
	Scopes       []string // besides openid
	// AllowedDomains are the domains of verified addresses that are let in; none: any.
	AllowedDomains []string
	// InstanceAdmins are the verified addresses of administrators of the installation.
	InstanceAdmins []string
	// LoginLifetime is how long a login is good for; 0: auth.DefaultLoginLifetime.
	LoginLifetime time.Duration

	Store  Store
	Tokens *auth.Tokens
	Audit  Audit
	Log    *slog.Logger
}

// Audit is where refusals are recorded.
type Audit interface {
	// Denied records that something was refused. It never fails.
	Denied(e audit.Event)
}

// SignIn serves the pages.
type SignIn struct {
	cfg      Config
	provider *provider
	seal     *seal
	cookie   auth.LoginCookie
	guesses  *guesses
	handler  http.Handler
}

// New returns the pages. The provider is asked for nothing before somebody signs in.
func New(cfg Config) (*SignIn, error) {
	public, err := url.Parse(cfg.PublicURL)
	if err != nil || public.Host == "" || public.Scheme != "http" && public.Scheme != "https" || strings.Trim(public.Path, "/") != "" {
		return nil, fmt.Errorf("the public URL %q: give scheme, host and port, such as https://cas.example.com", cfg.PublicURL)
	}
	cfg.PublicURL = public.Scheme + "://" + public.Host
	if len(cfg.ClientSecret) < MinSecret {
		return nil, fmt.Errorf("the client secret has %d bytes: at least %d", len(cfg.ClientSecret), MinSecret)
	}
	if cfg.LoginLifetime == 0 {
		cfg.LoginLifetime = auth.DefaultLoginLifetime
	}
	sealed, err := newSeal(cfg.ClientSecret)
	if err != nil {
		return nil, err
	}
	s := &SignIn{
		cfg: cfg, provider: newProvider(cfg), seal: sealed,
		cookie: auth.LoginCookie{Secure: public.Scheme == "https"}, guesses: newGuesses(),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /auth/login", s.login)
	mux.HandleFunc("GET /auth/callback", s.callback)
	mux.HandleFunc("POST /auth/logout", s.logout)
	mux.HandleFunc("GET /auth/cli", s.clientLogin)
	mux.HandleFunc("POST /auth/cli", s.clientDecision)
	mux.HandleFunc("POST /auth/cli/token", s.clientToken)
	mux.HandleFunc("POST /auth/device/code", s.deviceCode)
	mux.HandleFunc("POST /auth/device/token", s.deviceToken)
	mux.HandleFunc("GET /auth/device", s.devicePage)
	mux.HandleFunc("POST /auth/device", s.deviceDecision)
	// Forms of other sites are refused by what browsers say of where they come from.
	s.handler = http.NewCrossOriginProtection().Handler(bounded(mux))
	return s, nil
}

// ServeHTTP serves everything below Path.
func (s *SignIn) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// LoginURL is where browsers begin.
func (s *SignIn) LoginURL() string { return s.cfg.PublicURL + "/auth/login" }

// The limits of a request.
const (
	maxBody     = 16 << 10         // bytes: forms of a few short fields
	requestTime = 30 * time.Second // in which the provider is asked twice at most
)

func bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if err := r.ParseForm(); err != nil && r.Method == http.MethodPost {
			problem.WriteHTTP(w, problem.Wrap(err, problem.Invalid, "the form cannot be read", fmt.Sprintf("send at most %d bytes", maxBody)))
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), requestTime)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(audit.WithOrigin(ctx, audit.Stranger(r))))
	})
}

// as returns a context of what a user does.
func as(ctx context.Context, u registry.User) context.Context {
	origin := audit.OriginFrom(ctx)
	origin.Kind, origin.Subject = audit.User, u.Name()+"/"+u.ID.String()
	return audit.WithOrigin(ctx, origin)
}

// reasonNotLetIn is the reason of errNotLetIn in records.
const reasonNotLetIn = "NOT_LET_IN"

// errNotLetIn means that the provider knows somebody whom the operator does not let in.
var errNotLetIn = errors.New("the address is not in an allowed domain, or not verified")

// user returns the user whom the provider has identified, if the operator lets them in.
func (s *SignIn) user(ctx context.Context, who registry.Identity) (registry.User, error) {
	if len(s.cfg.AllowedDomains) > 0 {
		_, domain, _ := strings.Cut(registry.FoldAddress(who.Email), "@")
		if !who.EmailVerified || !slices.ContainsFunc(s.cfg.AllowedDomains, func(d string) bool { return registry.FoldAddress(d) == domain }) {
			s.cfg.Audit.Denied(audit.Event{
				Chain: audit.Installation, Time: time.Now(), Action: audit.LoginCreate, Outcome: audit.Denied,
				Reason: reasonNotLetIn, Origin: audit.OriginFrom(ctx),
			})
			return registry.User{}, errNotLetIn
		}
	}
	u, err := s.cfg.Store.SignIn(ctx, who)
	if err != nil {
		return registry.User{}, err
	}
	if !u.InstanceAdmin && slices.ContainsFunc(s.cfg.InstanceAdmins, u.Has) {
		if err := s.cfg.Store.SetInstanceAdmin(as(ctx, u), u.ID, true); err != nil {
			return registry.User{}, err
		}
		s.cfg.Log.WarnContext(ctx, "a user of controlplane.oidc.instanceAdmins administers the installation from now on", "user", u.ID.String())
	}
	return u, nil
}

// secret returns 256 random bits, as text.
func secret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}
