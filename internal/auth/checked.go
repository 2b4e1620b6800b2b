package auth

import (
	"context"
	"crypto/sha256"

	lru "github.com/hashicorp/golang-lru/v2"
)

// keptTokens bounds the tokens whose signature is not checked again: those of clients that
// make several calls with one, 300 bytes each.
const keptTokens = 4096

// checked remembers the tokens whose signature was good, by their hash: what is kept is of
// no use to anybody, and how long looking for a hash takes tells nothing of a token.
// Checking a signature is a sixth of what a small transfer costs.
//
// Nothing else is remembered. The key has to be good, and the time right, at every call.
type checked struct {
	tokens *lru.Cache[[sha256.Size]byte, checkedToken]
}

type checkedToken struct {
	by     signedBy
	claims casClaims
}

func newChecked() *checked {
	tokens, err := lru.New[[sha256.Size]byte, checkedToken](keptTokens)
	if err != nil {
		panic("auth: " + err.Error()) // only a size below 1 is refused
	}
	return &checked{tokens}
}

// claims returns those of a token that one of the keys has signed.
func (v *CASVerifier) claims(ctx context.Context, token string) (casClaims, error) {
	hash := sha256.Sum256([]byte(token))
	if known, ok := v.seen.tokens.Get(hash); ok {
		key, err := signingKey(ctx, v.keys, known.by.id)
		if err != nil {
			return casClaims{}, err
		}
		if key.Equal(known.by.key) {
			return known.claims, nil
		}
	}
	var claims casClaims
	by, err := verifySignature(ctx, v.keys, token, &claims)
	if err == nil {
		v.seen.tokens.Add(hash, checkedToken{by, claims})
	}
	return claims, err
}
