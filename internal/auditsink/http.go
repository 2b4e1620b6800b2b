package auditsink

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// maxAnswer is how much of a sink's answer is read, in bytes: what it says is not used.
const maxAnswer = 4 << 10

// newClient returns a client that follows no redirect: records go where the operator said.
func newClient(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// withoutURL is an error of net/http without the URL, in which some have a secret.
func withoutURL(err error) error {
	if at, ok := errors.AsType[*url.Error](err); ok {
		return at.Err
	}
	return err
}

// retryAfter reads the header of that name, a number of seconds or a date (RFC 9110
// §10.2.3).
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
