// Package pagetoken makes the tokens by which the pages of a list go on. On AWS they are
// opaque, and one that the service did not make is refused; here a check value tells that.
// It is no secret: a token grants nothing, it only says where to read on. So it stays good
// after a restart.
package pagetoken

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
)

// size of the check value in bytes: a made-up token passes once in 2^64.
const size = 8

var encoding = base64.RawURLEncoding.Strict()

// Make returns the token of a list that goes on at place. Lists of different kinds do not
// take each other's tokens.
func Make(kind, place string) string {
	return encoding.EncodeToString(append(check(kind, place), place...))
}

// Read returns the place in a token, or false for a token that Make did not make for kind.
func Read(kind, token string) (place string, ok bool) {
	raw, err := encoding.DecodeString(token)
	if err != nil || len(raw) < size {
		return "", false
	}
	place = string(raw[size:])
	return place, bytes.Equal(raw[:size], check(kind, place))
}

func check(kind, place string) []byte {
	sum := sha256.Sum256([]byte("page token\x00" + kind + "\x00" + place))
	return sum[:size:size]
}
