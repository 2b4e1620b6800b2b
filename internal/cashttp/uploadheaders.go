package cashttp

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/problem"
)

// partialUpload is the media type of what a PATCH appends.
const partialUpload = "application/partial-upload"

// maxStructuredDigits bounds an Integer of RFC 9651 (§3.3.1).
const maxStructuredDigits = 15

// uploadFields are the header fields of a request in the protocol of
// draft-ietf-httpbis-resumable-upload. The draft has a server ignore a field that it
// cannot read; here a request with one is refused, for what its client meant is lost.
type uploadFields struct {
	complete *bool  // Upload-Complete
	offset   *int64 // Upload-Offset
	length   *int64 // Upload-Length
}

func parseUploadFields(h http.Header) (f uploadFields, err error) {
	if f.complete, err = field(h, "Upload-Complete", structuredBoolean); err != nil {
		return f, err
	}
	if f.offset, err = field(h, "Upload-Offset", structuredInteger); err != nil {
		return f, err
	}
	f.length, err = field(h, "Upload-Length", structuredInteger)
	return f, err
}

// field parses the one value of a header field, if it is there.
func field[T any](h http.Header, name string, parse func(string) (T, error)) (*T, error) {
	values := h.Values(name)
	if len(values) == 0 {
		return nil, nil
	}
	if len(values) > 1 {
		return nil, badField(name, errors.New("it is there twice"))
	}
	value, err := parse(strings.Trim(values[0], " "))
	if err != nil {
		return nil, badField(name, err)
	}
	return &value, nil
}

func badField(name string, err error) error {
	return problem.Wrap(err, problem.Invalid, fmt.Sprintf("malformed %s: %v", name, err), "Upload-Complete is ?0 or ?1, Upload-Offset and Upload-Length are a number of bytes")
}

// structuredBoolean parses a Boolean of RFC 9651. Parameters, of which the draft has
// none, are refused.
func structuredBoolean(s string) (bool, error) {
	switch s {
	case "?0":
		return false, nil
	case "?1":
		return true, nil
	}
	return false, fmt.Errorf("%.20q is neither ?0 nor ?1", s)
}

// structuredInteger parses an Integer of RFC 9651 that is not negative.
func structuredInteger(s string) (int64, error) {
	if s == "" || len(s) > maxStructuredDigits || strings.Trim(s, "0123456789") != "" {
		return 0, fmt.Errorf("%.20q is not a number of bytes", s)
	}
	return strconv.ParseInt(s, 10, 64)
}

// total is the length of the artifact as far as a request says it, which may say it
// twice: with Upload-Length, and as the end of its last piece.
func (f uploadFields) total(offset, contentLength int64) (int64, error) {
	length := int64(cas.UnknownLength)
	if f.length != nil {
		length = *f.length
	}
	if f.complete == nil || !*f.complete || contentLength < 0 {
		return length, nil
	}
	end := offset + contentLength
	switch {
	case end < offset: // beyond what an int64 holds
		return 0, cas.ErrTooLarge
	case length != cas.UnknownLength && length != end:
		return 0, fmt.Errorf("%w: %d bytes, the last piece ends at %d", cas.ErrUploadLength, length, end)
	}
	return end, nil
}

func structured(b bool) string {
	if b {
		return "?1"
	}
	return "?0"
}
