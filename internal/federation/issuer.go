package federation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"
)

// The limits of asking an issuer for its keys.
const (
	maxDocument  = 256 << 10 // bytes; those of the large providers have a few KiB
	fetchTimeout = 5 * time.Second
	freshFor     = time.Hour        // a key that an issuer withdraws is good for no longer
	goodFor      = 24 * time.Hour   // while the issuer does not answer
	recheck      = 10 * time.Second // between two questions about a key that nobody knows
)

// algorithms are those whose keys can be published. None is not among them, and nothing
// that is signed with a secret that both sides know.
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// errUnreachable means that an issuer's keys could not be fetched.
var errUnreachable = errors.New("the issuer's keys could not be fetched")

// issuer is a provider whose tokens are accepted, and the keys that it publishes. What is
// fetched follows from the operator's configuration alone, never from a token.
type issuer struct {
	url    string
	client *http.Client
	flight singleflight.Group

	mu        sync.Mutex
	keys      []jose.JSONWebKey
	fetched   time.Time
	attempted time.Time
	failure   error
}

// CheckIssuer refuses what an operator may not allow: issuers are reached by TLS, but for
// one on this machine.
func CheckIssuer(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(text, "/") {
		return errors.New("give an https URL without a slash at its end, such as https://gitlab.com")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return errors.New("give an https URL: without TLS, anybody on the way could make tokens")
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// newIssuer asks for nothing yet. Redirects are not followed: they lead to where nobody
// has allowed anything.
func newIssuer(url string) *issuer {
	return &issuer{url: url, client: &http.Client{
		Timeout:       fetchTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// VerifySignature returns the payload of a token that the issuer has signed.
func (i *issuer) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	parsed, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil || len(parsed.Signatures) != 1 {
		return nil, errors.New("not a signed JWT") // the parser's error may quote the token
	}
	kid := parsed.Signatures[0].Header.KeyID
	payload, ok := i.verify(parsed, kid, freshFor)
	if ok {
		return payload, nil
	}
	if err := i.refresh(ctx); err != nil {
		return nil, err
	}
	if payload, ok := i.verify(parsed, kid, goodFor); ok {
		return payload, nil
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.failure != nil {
		return nil, fmt.Errorf("%w: %w", errUnreachable, i.failure)
	}
	return nil, errors.New("no key of the issuer has signed the token")
}

// verify tries the keys that were fetched no longer ago than age.
func (i *issuer) verify(parsed *jose.JSONWebSignature, kid string, age time.Duration) ([]byte, bool) {
	i.mu.Lock()
	keys, fetched := i.keys, i.fetched // replaced as a whole, never changed
	i.mu.Unlock()
	if time.Since(fetched) > age {
		return nil, false
	}
	for _, key := range keys {
		if kid != "" && key.KeyID != kid {
			continue
		}
		if payload, err := parsed.Verify(&key); err == nil {
			return payload, true
		}
	}
	return nil, false
}

// refresh fetches the keys anew, unless that was tried a moment ago: who makes up key ids
// makes no storm of it. It fails only if ctx ends first.
func (i *issuer) refresh(ctx context.Context) error {
	i.mu.Lock()
	wait := time.Since(i.attempted) < recheck
	i.mu.Unlock()
	if wait {
		return nil
	}
	// Detached: who goes away while the fetch runs must not fail those who wait.
	done := i.flight.DoChan("", func() (any, error) {
		keys, err := i.fetch(context.WithoutCancel(ctx))
		i.mu.Lock()
		defer i.mu.Unlock()
		i.attempted, i.failure = time.Now(), err
		if err == nil {
			i.keys, i.fetched = keys, i.attempted
		}
		return nil, nil
	})
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fetch reads the issuer's discovery document and then its keys, which have to be on the
// same host.
func (i *issuer) fetch(ctx context.Context) ([]jose.JSONWebKey, error) {
	var found struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := i.get(ctx, i.url+"/.well-known/openid-configuration", &found); err != nil {
		return nil, err
	}
	if found.Issuer != i.url {
		return nil, fmt.Errorf("the document of issuer %s is about %q", i.url, found.Issuer)
	}
	keys, err := url.Parse(found.Keys)
	own, _ := url.Parse(i.url) // CheckIssuer has
	if err != nil || keys.Scheme != own.Scheme || keys.Host != own.Host || keys.User != nil {
		return nil, fmt.Errorf("the keys of issuer %s are on another host", i.url)
	}
	var set jose.JSONWebKeySet
	if err := i.get(ctx, found.Keys, &set); err != nil {
		return nil, err
	}
	var usable []jose.JSONWebKey
	for _, key := range set.Keys {
		if key.Valid() && key.IsPublic() && key.Use != "enc" {
			usable = append(usable, key)
		}
	}
	if len(usable) == 0 {
		return nil, fmt.Errorf("issuer %s publishes no keys", i.url)
	}
	return usable, nil
}

func (i *issuer) get(ctx context.Context, url string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("fetch %s: %w", url, err)
	}
	resp, err := i.client.Do(req)
	if err != nil {
		return fmt.Errorf("fetch %s: %w", url, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("fetch %s: status %d", url, resp.StatusCode)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxDocument)).Decode(into); err != nil {
		return fmt.Errorf("read %s: %w", url, err)
	}
	return nil
}
