package cas

import (
	"errors"
	"fmt"
	"math"
)

// ErrRange: the range begins behind the end of the artifact. The error that wraps it is
// a *RangeError.
var ErrRange = errors.New("range behind the end of the artifact")

// Range is a part of an artifact's content. The zero value is all of it.
type Range struct {
	Offset int64 // of the first byte; negative: so many bytes before the end
	Length int64 // at most so many bytes; 0: up to the end
}

// Within returns the part of a content of size bytes that r means, with an offset that
// is not negative and its exact length. It fails with a *RangeError if that is nothing.
func (r Range) Within(size int64) (Range, error) {
	if r.Offset < 0 {
		r.Offset = max(0, size+r.Offset)
	}
	left := size - r.Offset
	if left <= 0 {
		return Range{}, &RangeError{Size: size}
	}
	if r.Length == 0 || r.Length > left {
		r.Length = left
	}
	return r, nil
}

// Header returns r as a Range header has it (RFC 9110 §14.1.2), empty for the whole.
func (r Range) Header() string {
	switch {
	case r == Range{}:
		return ""
	case r.Offset < 0:
		return fmt.Sprintf("bytes=%d", r.Offset)
	case r.Length == 0 || r.Length > math.MaxInt64-r.Offset:
		return fmt.Sprintf("bytes=%d-", r.Offset)
	}
	return fmt.Sprintf("bytes=%d-%d", r.Offset, r.Offset+r.Length-1)
}

// RangeError is an ErrRange that knows where the end is.
type RangeError struct{ Size int64 }

func (e *RangeError) Error() string { return fmt.Sprintf("%v, which has %d bytes", ErrRange, e.Size) }

// Unwrap makes it an ErrRange.
func (e *RangeError) Unwrap() error { return ErrRange }
