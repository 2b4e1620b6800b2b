package webidentity

import (
	"context"
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
	// pause is how long an issuer that failed is not asked again: all who waited for the
	// answer that did not come are told so at once.
	pause = time.Second
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

// published is what one issuer publishes. Its turn is taken while keys are fetched:
// whoever needs them meanwhile waits for the one answer, or leaves.
type published struct {
	turn    chan struct{} // holds one token when nobody is at it
	keys    jose.JSONWebKeySet
	fetched time.Time

	failed  time.Time
	failure error
}

func newPublished() *published {
	p := &published{turn: make(chan struct{}, 1)}
	p.turn <- struct{}{}
	return p
}

// Key implements KeySource. An issuer that cannot be reached is IDPCommunicationError;
// one that does not publish the key is InvalidIdentityToken.
func (s *Issuers) Key(ctx context.Context, p Provider, keyID string) (*jose.JSONWebKey, error) {
	issuer := s.issuer(p.Issuer)
	select {
	case <-issuer.turn:
		defer func() { issuer.turn <- struct{}{} }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
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
	if issuer.failure != nil && s.now().Sub(issuer.failed) < pause {
		return nil, issuer.failure
	}
	// Others wait for these keys, too: the client that happens to be first does not end it.
	keys, err := fetchKeys(context.WithoutCancel(ctx), p)
	if issuer.failure, issuer.failed = err, s.now(); err != nil {
		return nil, err
	}
	issuer.keys, issuer.fetched = keys, s.now()
	if key := only(keys.Key(keyID)); key != nil {
		return key, nil
	}
	return nil, UnknownKey()
}

func (s *Issuers) issuer(url string) *published {
	fresh := newPublished()
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
