package directory

import (
	"strings"
	"time"
)

// Providers are the OpenID Connect identity providers, keyed by ProviderName. Two
// issuers that differ in case alone cannot both be kept: hosts have no case.
const Providers Collection[Provider] = "iam/oidc-providers"

// Provider is an OpenID Connect identity provider: an issuer of web identity tokens
// that the account's trust policies may name.
type Provider struct {
	ARN         string
	Issuer      string // URL as created, which is the "iss" of its tokens
	ClientIDs   []string
	Thumbprints []string // SHA-1 of certificates, hexadecimal
	Created     time.Time
	Tags        map[string]string
}

// ProviderName is an issuer as it stands in ARNs and condition keys: without scheme.
func ProviderName(issuer string) string {
	_, name, _ := strings.Cut(issuer, "://")
	return name
}

// ProviderByIssuer returns the provider whose tokens have that "iss", exactly, or
// ErrNotFound.
func ProviderByIssuer(tx Tx, issuer string) (Provider, error) {
	p, err := Providers.Get(tx, ProviderName(issuer))
	if err == nil && p.Issuer != issuer {
		return Provider{}, ErrNotFound
	}
	return p, err
}

// ProviderByARN returns the provider with that ARN, or ErrNotFound.
func ProviderByARN(tx Tx, arn string) (Provider, error) {
	_, name, ok := strings.Cut(arn, ":oidc-provider/")
	if !ok {
		return Provider{}, ErrNotFound
	}
	p, err := Providers.Get(tx, name)
	if err == nil && p.ARN != arn {
		return Provider{}, ErrNotFound
	}
	return p, err
}
