package signin

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/managedcas/managedcas/internal/idtoken"
	"github.com/managedcas/managedcas/internal/registry"
)

// The limits of talking to the provider.
const (
	providerTimeout  = 10 * time.Second
	providerPause    = 5 * time.Second // between two attempts to find it
	maxProviderReply = 1 << 20         // bytes
	maxSubject       = 255             // characters (OpenID Connect Core §2)
)

// provider is the OpenID provider. It is looked for when it is first needed: this server
// starts while it is away.
type provider struct {
	cfg    Config
	client *http.Client

	mu      sync.Mutex
	found   *oidc.Provider
	failure error // of the last attempt to find it
	tried   time.Time
}

func newProvider(cfg Config) *provider {
	return &provider{cfg: cfg, client: &http.Client{
		Timeout:       providerTimeout,
		Transport:     limited{http.DefaultTransport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// limited bounds what is read of an answer.
type limited struct{ next http.RoundTripper }

func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxProviderReply), resp.Body}
	return resp, nil
}

func (p *provider) discovered() (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	if p.failure != nil && time.Since(p.tried) < providerPause {
		return nil, p.failure // who waits here must not each wait for a timeout of their own
	}
	// Not the request's context: the provider keeps it, and fetches keys with it later.
	found, err := oidc.NewProvider(oidc.ClientContext(context.Background(), p.client), p.cfg.Issuer)
	if p.tried = time.Now(); err != nil {
		p.failure = fmt.Errorf("find the OpenID provider: %w", err)
		return nil, p.failure
	}
	p.found = found
	return found, nil
}

func (p *provider) oauth(found *oidc.Provider) *oauth2.Config {
	scopes := []string{oidc.ScopeOpenID}
	for _, s := range p.cfg.Scopes {
		if !slices.Contains(scopes, s) {
			scopes = append(scopes, s)
		}
	}
	return &oauth2.Config{
		ClientID: p.cfg.ClientID, ClientSecret: p.cfg.ClientSecret, Endpoint: found.Endpoint(),
		RedirectURL: p.cfg.PublicURL + "/auth/callback", Scopes: scopes,
	}
}

// begin returns where the browser goes to sign in.
func (p *provider) begin(a attempt) (string, error) {
	found, err := p.discovered()
	if err != nil {
		return "", err
	}
	return p.oauth(found).AuthCodeURL(a.State, oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)), nil
}

// end returns who has signed in, for the code that the browser brought back.
func (p *provider) end(ctx context.Context, a attempt, code string) (registry.Identity, error) {
	found, err := p.discovered()
	if err != nil {
		return registry.Identity{}, err
	}
	ctx = oidc.ClientContext(ctx, p.client)
	tokens, err := p.oauth(found).Exchange(ctx, code, oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return registry.Identity{}, fmt.Errorf("exchange the code: %w", err)
	}
	raw, ok := tokens.Extra("id_token").(string)
	if !ok {
		return registry.Identity{}, errors.New("the provider gave no ID token")
	}
	token, err := found.Verifier(&oidc.Config{ClientID: p.cfg.ClientID}).Verify(ctx, raw)
	if err != nil {
		return registry.Identity{}, fmt.Errorf("verify the ID token: %w", err)
	}
	return identity(token, a.Nonce, p.cfg.ClientID)
}

// identity reads an ID token whose signature, issuer, audience and time are good.
func identity(token *oidc.IDToken, nonce, clientID string) (registry.Identity, error) {
	if subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(nonce)) != 1 {
		return registry.Identity{}, errors.New("the ID token is of another attempt")
	}
	var payload json.RawMessage
	if err := token.Claims(&payload); err != nil {
		return registry.Identity{}, fmt.Errorf("read the ID token: %w", err)
	}
	if _, err := idtoken.Claims(payload); err != nil {
		return registry.Identity{}, fmt.Errorf("the ID token has %w", err)
	}
	if token.Subject == "" || len(token.Subject) > maxSubject || strings.ContainsFunc(token.Subject, unprintable) {
		return registry.Identity{}, errors.New("the ID token has no subject, or one that is too long or not printable")
	}
	var claims struct {
		AuthorizedParty string `json:"azp"`
		Email           string `json:"email"`
		EmailVerified   flag   `json:"email_verified"`
		Name            string `json:"name"`
		GivenName       string `json:"given_name"`
		FamilyName      string `json:"family_name"`
	}
	if err := token.Claims(&claims); err != nil {
		return registry.Identity{}, fmt.Errorf("read the ID token: %w", err)
	}
	// OpenID Connect Core §3.1.3.7: of several audiences, one asked for it.
	if (len(token.Audience) > 1 || claims.AuthorizedParty != "") && claims.AuthorizedParty != clientID {
		return registry.Identity{}, errors.New("the ID token was asked for by another client")
	}
	who := registry.Identity{
		Issuer: token.Issuer, Subject: token.Subject, Email: address(claims.Email), EmailVerified: bool(claims.EmailVerified),
		FirstName: short(claims.GivenName), LastName: short(claims.FamilyName),
	}
	if who.FirstName == "" && who.LastName == "" {
		who.FirstName = short(claims.Name)
	}
	return who, nil
}

// maxName bounds what is kept of names and addresses, in bytes.
const maxName = 254

// short is a name as it may be shown and stored: without what turns text around, hides it or
// moves a terminal's cursor.
func short(s string) string {
	if len(s) > maxName {
		return ""
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unprintable(r):
			return -1
		}
		return r
	}, s))
}

// address is a bare address, or nothing: what is left of another text would be somebody's
// else, and a text of one's own choice could be what a token or a pipeline is called.
func address(s string) string {
	s = strings.TrimSpace(s)
	parsed, err := mail.ParseAddress(s)
	if err != nil || parsed.Address != s || len(s) > maxName || strings.ContainsFunc(s, func(r rune) bool { return r == ' ' || unprintable(r) }) {
		return ""
	}
	return s
}

func unprintable(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsPrint(r) }

// flag is true as JSON, or as the text of it, which some providers send.
type flag bool

func (f *flag) UnmarshalJSON(text []byte) error {
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	*f = v == true || v == "true"
	return nil
}
