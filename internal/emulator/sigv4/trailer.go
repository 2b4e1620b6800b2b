package sigv4

import (
	"net/http"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// maxTrailers bounds the lines of a trailer, blank ones included.
const maxTrailers = 16

const trailerSignature = "x-amz-trailer-signature"

// trailerSpec is the trailing headers that a request announces and, in the end,
// has.
type trailerSpec struct {
	announced []string
	found     http.Header
}

func newTrailerSpec(h http.Header) *trailerSpec {
	spec := &trailerSpec{found: make(http.Header)}
	for _, value := range h.Values("X-Amz-Trailer") {
		for name := range strings.SplitSeq(value, ",") {
			if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
				spec.announced = append(spec.announced, name)
			}
		}
	}
	return spec
}

// read reads the trailer up to the blank line that ends it. Clients separate a
// signed trailer from its signature by "\r\n" or by "\n\r\n", so that a blank line
// before the signature ends nothing.
func (t *trailerSpec) read(d *decoder) error {
	var canonical strings.Builder
	signed := false
	for range maxTrailers {
		line, err := d.line()
		if err != nil {
			return err
		}
		if line == "" {
			if d.signer != nil && !signed {
				continue
			}
			return t.complete()
		}
		name, value, ok := strings.Cut(line, ":")
		name, value = strings.ToLower(name), strings.Trim(value, " \t")
		switch {
		case !ok || signed:
			return malformedTrailer()
		case name == trailerSignature && d.signer != nil:
			d.signer.claimed, signed = value, true
			if err := d.signer.advance(algorithm+"-TRAILER", hexSHA256([]byte(canonical.String()))); err != nil {
				return err
			}
		case !slices.Contains(t.announced, name) || t.found.Get(name) != "":
			return malformedTrailer()
		default:
			canonical.WriteString(name + ":" + value + "\n")
			t.found.Set(name, value)
		}
	}
	return malformedTrailer()
}

// complete refuses a trailer that lacks what x-amz-trailer, which is signed,
// announces: a checksum must not be dropped on the way.
func (t *trailerSpec) complete() error {
	for _, name := range t.announced {
		if t.found.Get(name) == "" {
			return malformedTrailer()
		}
	}
	return nil
}

func malformedTrailer() *api.Error {
	return api.Errorf(400, "MalformedTrailerError", "The request contained trailing data that was not well-formed or did not conform to our published schema.")
}
