package webidentity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// Bounds of what an issuer may make this program do.
const (
	maxDocument  = 256 << 10 // bytes of a discovery document or key set
	fetchTimeout = 5 * time.Second
	maxKeys      = 200 // AWS takes 100 RSA and 100 EC keys
)

// discovery is the part of a discovery document that matters here
// (https://openid.net/specs/openid-connect-discovery-1_0.html, section 3).
type discovery struct {
	Issuer  string `json:"issuer"`
	JWKSURI string `json:"jwks_uri"`
}

// fetchKeys asks an issuer for its keys.
func fetchKeys(ctx context.Context, p Provider) (keys jose.JSONWebKeySet, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	var d discovery
	if err := fetch(ctx, p, strings.TrimSuffix(p.Issuer, "/")+"/.well-known/openid-configuration", &d); err != nil {
		return keys, err
	}
	if d.Issuer != p.Issuer {
		return keys, invalid("Couldn't retrieve verification key from your identity provider: its discovery document is another issuer's")
	}
	if err := fetch(ctx, p, d.JWKSURI, &keys); err != nil {
		return keys, err
	}
	if len(keys.Keys) > maxKeys {
		return keys, invalid("Couldn't retrieve verification key from your identity provider: it publishes more than %d keys", maxKeys)
	}
	return keys, nil
}

// fetch reads a JSON document of the issuer. Redirects are not followed: they could
// lead where the provider's URL does not.
func fetch(ctx context.Context, p Provider, from string, into any) error {
	u, err := checkURL(p, from)
	if err != nil {
		return unreachable(err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return unreachable(err)
	}
	transport := &http.Transport{TLSClientConfig: trust(u.Hostname(), p.Thumbprints)}
	defer transport.CloseIdleConnections()
	client := http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(r)
	if err != nil {
		return unreachable(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return unreachable(fmt.Errorf("%s answers with status %d", from, res.StatusCode))
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxDocument+1))
	if err == nil && len(text) > maxDocument {
		err = errors.New("the answer is longer than 256 KiB")
	}
	if err != nil {
		return unreachable(fmt.Errorf("read %s: %w", from, err))
	}
	if err := json.Unmarshal(text, into); err != nil {
		return invalid("Couldn't retrieve verification key from your identity provider: %s is not the document that OpenID Connect describes", from)
	}
	return nil
}

// checkURL admits https, and plain http from loopback to loopback only.
func checkURL(p Provider, text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	issuer, err := url.Parse(p.Issuer)
	if err != nil {
		return nil, err
	}
	local := u.Scheme == "http" && issuer.Scheme == "http" && isLoopback(u.Hostname()) && isLoopback(issuer.Hostname())
	if u.Host == "" || u.Scheme != "https" && !local {
		return nil, fmt.Errorf("%q is not an https URL", text)
	}
	return u, nil
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// unreachable is the error that SDKs retry.
func unreachable(cause error) error {
	return api.Errorf(http.StatusBadRequest, "IDPCommunicationError", "The identity provider could not be asked for its keys: %v", cause)
}
