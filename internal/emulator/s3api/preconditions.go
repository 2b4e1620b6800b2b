package s3api

import (
	"net/http"
	"strings"
	"time"
)

// createCondition is what a write demands of the key that it writes
// (facts AWS §7.2).
type createCondition struct {
	mustNotExist bool
	mustBe       string // ETag, "" for none
}

// createCondition reads the headers of PutObject and CompleteMultipartUpload.
func (c *call) createCondition() (createCondition, error) {
	none, match := c.r.Header.Get("If-None-Match"), c.r.Header.Get("If-Match")
	switch {
	case none != "" && none != "*":
		return createCondition{}, notImplemented(c.op.name + " with If-None-Match other than *")
	case none != "" && match != "":
		return createCondition{}, invalidRequest("If-Match and If-None-Match cannot be given together")
	}
	return createCondition{mustNotExist: none == "*", mustBe: demanded(match)}, nil
}

// demanded takes the quotes off an ETag. An empty one keeps them: it demands something,
// though no object has it.
func demanded(etag string) string {
	if bare := strings.Trim(etag, `"`); bare != "" {
		return bare
	}
	return etag
}

// check is called with the object that is at the key, nil for none.
func (cond createCondition) check(key string, there *object) error {
	switch {
	case cond.mustNotExist && there != nil:
		return preconditionFailed("If-None-Match")
	case cond.mustBe == "":
		return nil
	case there == nil:
		return noSuchKey(key)
	case cond.mustBe != "*" && cond.mustBe != there.ETag:
		return preconditionFailed("If-Match")
	}
	return nil
}

// readOutcome is what the conditions of a GET or HEAD come to.
type readOutcome int

const (
	serve readOutcome = iota
	notModified
	failed
)

// readConditions evaluates the conditions of a GET or HEAD in the order of RFC 9110
// §13.2.2: the ETags overrule the times.
func readConditions(h http.Header, o object) (readOutcome, string) {
	// Last-Modified has no fractions of seconds.
	modified := o.Modified.Truncate(time.Second)
	if v := h.Get("If-Match"); v != "" {
		if !etagIn(v, o.ETag) {
			return failed, "If-Match"
		}
	} else if t, ok := httpTime(h.Get("If-Unmodified-Since")); ok && modified.After(t) {
		return failed, "If-Unmodified-Since"
	}
	if v := h.Get("If-None-Match"); v != "" {
		if etagIn(v, o.ETag) {
			return notModified, ""
		}
	} else if t, ok := httpTime(h.Get("If-Modified-Since")); ok && !modified.After(t) {
		return notModified, ""
	}
	return serve, ""
}

// etagIn reports whether a list of ETags has etag. Some clients leave the quotes out.
func etagIn(list, etag string) bool {
	for _, e := range strings.Split(list, ",") {
		e = strings.Trim(strings.TrimPrefix(strings.TrimSpace(e), "W/"), `"`)
		if e == "*" || e == etag {
			return true
		}
	}
	return false
}

// httpTime parses a date; one that is no date is ignored (RFC 9110 §13.1.3).
func httpTime(text string) (time.Time, bool) {
	if text == "" {
		return time.Time{}, false
	}
	t, err := http.ParseTime(text)
	return t, err == nil
}
