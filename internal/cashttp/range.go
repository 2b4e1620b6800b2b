package cashttp

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/managedcas/managedcas/internal/cas"
)

// wanted returns the range that a GET asks for, and whether it asks for one that is
// served: a single range of bytes, if If-Range allows it. Everything else is answered
// with the whole artifact, as RFC 9110 §14.2 allows: several ranges, other units, and
// what is malformed.
func wanted(h http.Header, etag string) (want cas.Range, ranged bool) {
	// If-Range compares strongly, and a date is no ETag (RFC 9110 §13.1.5).
	if condition := h.Values("If-Range"); len(condition) > 0 && only(condition) != etag {
		return cas.Range{}, false
	}
	return parseRange(only(h.Values("Range")))
}

// parseRange reads a Range header (RFC 9110 §14.1.2). It knows no size: a range that
// begins behind the end is a good one here.
func parseRange(header string) (cas.Range, bool) {
	unit, set, ok := strings.Cut(header, "=")
	first, last, dash := strings.Cut(strings.Trim(set, " \t"), "-")
	if !ok || !dash || !strings.EqualFold(unit, "bytes") {
		return cas.Range{}, false
	}
	from, okFrom := position(first)
	to, okTo := position(last)
	switch {
	case okFrom && last == "":
		return cas.Range{Offset: from}, true
	case okFrom && okTo && from <= to:
		return cas.Range{Offset: from, Length: to - from + 1}, true
	case first == "" && okTo && to == 0: // the last no bytes
		return cas.Range{Offset: maxPosition}, true
	case first == "" && okTo:
		return cas.Range{Offset: -to}, true
	}
	return cas.Range{}, false
}

// maxPosition is behind the end of every artifact. One more still fits in an int64.
const maxPosition = math.MaxInt64 - 1

// position reads digits and nothing else. A number that is too large stands for the end.
func position(digits string) (int64, bool) {
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return maxPosition, true
	}
	return min(n, maxPosition), true
}

// unsatisfiable adds to a 416 where the end is (RFC 9110 §14.4).
func unsatisfiable(w http.ResponseWriter, err error) error {
	if behind, ok := errors.AsType[*cas.RangeError](err); ok {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", behind.Size))
	}
	return err
}
