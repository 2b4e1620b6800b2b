package auth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// leeway is how far the clocks of two servers may be apart.
const leeway = 10 * time.Second

// keyID returns the RFC 7638 thumbprint of a public key: an id that cannot be given
// to two keys.
func keyID(public *ecdsa.PublicKey) (string, error) {
	sum, err := (&jose.JSONWebKey{Key: public}).Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("identify key: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}

// registered is what every claim set of ours contains.
type registered interface{ registeredClaims() jwt.Claims }

// signedBy is the key that a token was signed with.
type signedBy struct {
	id  string
	key *ecdsa.PublicKey
}

// verifySignature reads the claims of a token that one of the keys has signed.
func verifySignature(ctx context.Context, keys Keys, text string, claims registered) (signedBy, error) {
	if text == "" {
		return signedBy{}, errMissing()
	}
	if len(text) > maxToken {
		return signedBy{}, errInvalid(fmt.Errorf("token of %d bytes", len(text)))
	}
	token, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{algorithm})
	if err != nil || len(token.Headers) != 1 {
		// The parser's error may quote the token.
		return signedBy{}, errInvalid(errors.New("not a signed JWT"))
	}
	kid := token.Headers[0].KeyID
	key, err := signingKey(ctx, keys, kid)
	if err != nil {
		return signedBy{}, err
	}
	if err := token.Claims(key, claims); err != nil {
		return signedBy{}, errInvalid(errors.New("the signature does not match"))
	}
	return signedBy{kid, key}, nil
}

// signingKey returns the key of that id, as long as it is good.
func signingKey(ctx context.Context, keys Keys, kid string) (*ecdsa.PublicKey, error) {
	key, err := keys.Key(ctx, kid)
	switch {
	case errors.Is(err, ErrUnknownKey):
		return nil, errInvalid(err)
	case err != nil:
		return nil, errUnchecked(err)
	}
	return key, nil
}

// validate checks issuer, audience and time of a token whose signature is good.
//
// A token has one audience: one that was good at two doors could be passed on by whoever
// keeps the first (RFC 8725 §3.9).
func validate(audience string, claims registered) error {
	if n := len(claims.registeredClaims().Audience); n != 1 {
		return errInvalid(fmt.Errorf("it has %d audiences", n))
	}
	expected := jwt.Expected{Issuer: issuer, AnyAudience: jwt.Audience{audience}, Time: time.Now()}
	err := claims.registeredClaims().ValidateWithLeeway(expected, leeway)
	switch {
	case errors.Is(err, jwt.ErrExpired):
		return errExpired(err)
	case err != nil:
		return errInvalid(err)
	}
	return nil
}
