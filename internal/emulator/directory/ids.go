package directory

import (
	"crypto/rand"
	"encoding/base64"
	"time"
)

// The prefixes of unique ids and access key ids
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html).
const (
	prefixRole      = "AROA"
	prefixUser      = "AIDA"
	prefixPolicy    = "ANPA"
	prefixAccessKey = "AKIA"
	prefixSession   = "ASIA"
)

// NewID returns a random unique id of 21 characters for an entity of that kind.
func NewID(kind string) string {
	switch kind {
	case KindRole:
		return prefixRole + random(17)
	case KindUser:
		return prefixUser + random(17)
	default:
		return prefixPolicy + random(17)
	}
}

// NewAccessKey returns a new active access key; an empty user name is the root user.
func NewAccessKey(userName string, now time.Time) AccessKey {
	return AccessKey{ID: prefixAccessKey + random(16), Secret: newSecret(), UserName: userName, Created: now}
}

// random returns n ≤ 26 characters of base32, 5 bits each.
func random(n int) string { return rand.Text()[:n] }

// newSecret returns a secret access key: 40 characters, as AWS's are.
func newSecret() string {
	b := make([]byte, 30)
	rand.Read(b)
	return base64.StdEncoding.EncodeToString(b)
}
