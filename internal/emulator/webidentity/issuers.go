package webidentity

import (
	"context"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	lru "github.com/hashicorp/golang-lru/v2"
)

// Bounds of what is kept of issuers.
const (
	maxIssuers = 128
	// lifetime is how long published keys are used before they are fetched again, so
	// that a key that an issuer withdraws is not believed for ever.
	lifetime = 15 * time.Minute
	// interval is the least time between two fetches for keys that are not there: made-up
	// key ids must not make this program a burden to the issuer.
	interval = 10 * time.Second
)

// Issuers is the KeySource that asks issuers for their keys, where OpenID Connect
// Discovery says that they are. It is safe for concurrent use.
type Issuers struct {
	published *lru.Cache[string, *published]
	interval  time.Duration
	now       func() time.Time
}

// NewIssuers returns a source that knows no keys yet.
func NewIssuers() *Issuers {
	cache, _ := lru.New[string, *published](maxIssuers) // fails only for a size below 1
	return &Issuers{published: cache, interval: interval, now: time.Now}
}

var _ KeySource = (*Issuers)(nil)

// published is what one issuer publishes. Its lock is held while keys are fetched:
// whoever needs them meanwhile waits for the one answer.
type published struct {
	mu      sync.Mutex
	keys    jose.JSONWebKeySet
	fetched time.Time
}

// Key implements KeySource. An issuer that cannot be reached is IDPCommunicationError;
// one that does not publish the key is InvalidIdentityToken.
func (s *Issuers) Key(ctx context.Context, p Provider, keyID string) (*jose.JSONWebKey, error) {
	issuer := s.issuer(p.Issuer)
	issuer.mu.Lock()
	defer issuer.mu.Unlock()
	age := s.now().Sub(issuer.fetched)
	if age < lifetime {
		key := only(issuer.keys.Key(keyID))
		if key != nil {
			return key, nil
		}
		if age < s.interval {
			return nil, UnknownKey()
		}
	}
	keys, err := fetchKeys(ctx, p)
	if err != nil {
		return nil, err
	}
	issuer.keys, issuer.fetched = keys, s.now()
	if key := only(keys.Key(keyID)); key != nil {
		return key, nil
	}
	return nil, UnknownKey()
}

func (s *Issuers) issuer(url string) *published {
	fresh := &published{}
	if known, ok, _ := s.published.PeekOrAdd(url, fresh); ok {
		s.published.Get(url) // counts as use
		return known
	}
	return fresh
}

// only returns the key that an id names without ambiguity.
func only(keys []jose.JSONWebKey) *jose.JSONWebKey {
	if len(keys) != 1 || !keys[0].IsPublic() || !keys[0].Valid() {
		return nil
	}
	return &keys[0]
}

// UnknownKey is the refusal of a token whose key its issuer does not publish.
func UnknownKey() error {
	return invalid("Couldn't retrieve verification key from your identity provider: it publishes no key of the id in the token's header")
}
