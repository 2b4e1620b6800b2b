package problem

import "time"

// retryLater is what clients of an Unavailable problem are told when nobody knows better.
const retryLater = 5 * time.Second

// WithRetryAfter returns a copy that tells clients how long to wait before they try
// again: Retry-After in HTTP (RFC 9110 §10.2.3), google.rpc.RetryInfo in gRPC.
func (p *Problem) WithRetryAfter(d time.Duration) *Problem {
	c := *p
	c.retryAfter = d
	return &c
}

// RetryAfter returns how long to wait. It is 0 where that is not known, and always for
// what is permanent: a hint to retry would say otherwise (DESIGN I12).
func (p *Problem) RetryAfter() time.Duration {
	switch {
	case !p.kind.Retryable():
		return 0
	case p.retryAfter == 0 && p.kind == Unavailable:
		return retryLater
	}
	return p.retryAfter
}
