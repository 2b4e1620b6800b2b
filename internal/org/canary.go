package org

import (
	"crypto/rand"
	"encoding/binary"
	"strings"
	"time"
)

// CanaryPrefix begins the text of the id of every canary: an organization of nobody, as
// which the doctor uses an installation for a moment. The 8 is the version of the UUID,
// which RFC 9562 §5.8 leaves to applications; NewID makes version 4, so that nobody else has
// such an id, and one lifecycle rule for the prefix removes what canaries have stored.
const CanaryPrefix = "00000000-0000-8"

// NewCanaryID returns a fresh id of a canary that is made now. It carries the time, so that
// whoever finds it later can tell whether it is still in use.
func NewCanaryID(now time.Time) ID {
	var id ID
	_, _ = rand.Read(id.b[6:]) // see NewID
	binary.BigEndian.PutUint32(id.b[9:13], uint32(now.Unix()))
	id.b[6] = id.b[6]&0x0f | 0x80
	id.b[8] = id.b[8]&0x3f | 0x80
	return id
}

// Canary returns when the id was made, if it is a canary's; to the second.
func (id ID) Canary() (made time.Time, ok bool) {
	if !strings.HasPrefix(id.String(), CanaryPrefix) {
		return time.Time{}, false
	}
	return time.Unix(int64(binary.BigEndian.Uint32(id.b[9:13])), 0), true
}
