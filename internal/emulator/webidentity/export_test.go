package webidentity

import "time"

// NewIssuersOutOfTime is NewIssuers where no time passes: how long a test takes on a busy
// machine is longer than an issuer is left alone.
func NewIssuersOutOfTime() *Issuers {
	s, at := NewIssuers(), time.Now()
	s.now = func() time.Time { return at }
	return s
}
