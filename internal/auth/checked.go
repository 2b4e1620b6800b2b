package auth

import (
	"context"
	"crypto/sha256"

	lru "github.com/hashicorp/golang-lru/v2"
)

// The tokens whose signature is not checked again, some 500 bytes each: CAS tokens of
// clients that make several calls with one, and API tokens, with which every call is made.
const (
	keptCASTokens = 1 << 12
	keptAPITokens = 1 << 14
)

// checked remembers the tokens whose signature was good, by their hash: what is kept is of
// no use to anybody, and how long looking for a hash takes tells nothing of a token.
// Checking a signature is a sixth of what a small transfer costs, and a third of what the
// control plane does for one.
//
// Nothing else is remembered. The key has to be good, the time right, and the row of an
// API token there, at every call.
type checked[Claims any] struct {
	tokens *lru.Cache[[sha256.Size]byte, checkedToken[Claims]]
}

type checkedToken[Claims any] struct {
	by     signedBy
	claims Claims
}

func newChecked[Claims any](kept int) *checked[Claims] {
	tokens, err := lru.New[[sha256.Size]byte, checkedToken[Claims]](kept)
	if err != nil {
		panic("auth: " + err.Error()) // only a size below 1 is refused
	}
	return &checked[Claims]{tokens}
}

// knows reports whether the signature of a token was good when it was seen last.
func (c *checked[Claims]) knows(token string) bool {
	return c.tokens.Contains(sha256.Sum256([]byte(token)))
}

// forget has the signature of a token checked again, as that of one that was never seen.
func (c *checked[Claims]) forget(token string) {
	c.tokens.Remove(sha256.Sum256([]byte(token)))
}

// signedClaims returns the claims of a token, and which of the keys has signed it.
func signedClaims[Claims any, C interface {
	*Claims
	registered
}](ctx context.Context, seen *checked[Claims], keys Keys, token string) (Claims, signedBy, error) {
	hash := sha256.Sum256([]byte(token))
	if known, ok := seen.tokens.Get(hash); ok {
		key, err := signingKey(ctx, keys, known.by.id)
		if err != nil {
			return *new(Claims), signedBy{}, err
		}
		if key.Equal(known.by.key) {
			return known.claims, known.by, nil
		}
	}
	var claims Claims
	by, err := verifySignature(ctx, keys, token, C(&claims))
	if err == nil {
		seen.tokens.Add(hash, checkedToken[Claims]{by, claims})
	}
	return claims, by, err
}
