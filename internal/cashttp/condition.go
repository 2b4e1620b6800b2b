package cashttp

import (
	"net/http"
	"strings"

	"github.com/managedcas/managedcas/internal/problem"
)

// conditionOutcome is what the conditions of a GET or HEAD come to.
type conditionOutcome int

const (
	serve conditionOutcome = iota
	notModified
	failed
)

var errCondition = problem.New(problem.Precondition, "the artifact has another ETag", "its ETag is its digest in double quotes")

// condition evaluates the conditions that name ETags, in the order of RFC 9110 §13.2.2.
// Those that name times do not apply: an artifact has no time of modification.
func condition(h http.Header, etag string) conditionOutcome {
	if list := h.Values("If-Match"); len(list) > 0 && !listed(list, etag, false) {
		return failed
	}
	if list := h.Values("If-None-Match"); len(list) > 0 && listed(list, etag, true) {
		return notModified
	}
	return serve
}

// listed reports whether one of the lists has etag, or is "*". A weak one is the same as
// a strong one in If-None-Match only (RFC 9110 §8.8.3.2). The ETags of artifacts have no
// comma, so what a comma in another one is taken for does not matter.
func listed(lists []string, etag string, weakly bool) bool {
	for _, list := range lists {
		for tag := range strings.SplitSeq(list, ",") {
			tag = strings.TrimSpace(tag)
			if weakly {
				tag = strings.TrimPrefix(tag, "W/")
			}
			if tag == etag || tag == "*" {
				return true
			}
		}
	}
	return false
}
