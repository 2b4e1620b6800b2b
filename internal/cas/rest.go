package cas

import (
	"fmt"
	"hash"
	"io"

	"github.com/managedcas/managedcas/internal/digest"
)

// rest is what an append still has to send.
type rest struct {
	left  int64 // of the append, or UnknownLength
	last  bool  // nothing follows the append
	sizes partSizes
}

// next returns the size of part number, which begins at offset; 0: nothing is left.
func (r *rest) next(number int, offset int64) int64 {
	size := r.sizes.at(number, offset)
	if r.sizes.length != UnknownLength {
		// The end is where the artifact ends, whatever the append has.
		if size = min(size, r.sizes.length-offset); size < 0 {
			return 0
		}
	}
	switch {
	case r.left == UnknownLength:
		return size
	case r.last:
		return min(size, r.left)
	case r.left == 0:
		return 0
	}
	if r.sizes.length != UnknownLength && offset+r.left == r.sizes.length {
		return min(size, r.left) // the artifact ends here, though its client does not say so yet
	}
	return within(size, r.left)
}

func (r *rest) took(n int64) {
	if r.left != UnknownLength {
		r.left -= n
	}
}

// exact is a body that must not go on behind the announced end of its artifact.
type exact struct {
	body         io.Reader
	left, length int64 // left: less than 0 when more is there than was announced
}

func (e *exact) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	// One byte more than is announced, to notice it.
	p = p[:min(int64(len(p)), max(e.left, 0)+1)]
	n, err := e.body.Read(p)
	if int64(n) > e.left {
		return 0, fmt.Errorf("%w: more than %d bytes", digest.ErrLength, e.length)
	}
	e.left -= int64(n)
	return n, err
}

// atEnd waits for the end of a body of which everything has come, if that matters.
func atEnd(body io.Reader, matters bool) error {
	if !matters {
		return nil
	}
	_, ended, err := fill(body, make([]byte, 1))
	if err == nil && !ended {
		err = fmt.Errorf("%w: the body goes on", digest.ErrLength)
	}
	return err
}

// hash hashes the part.
func (h *held) hash(sum hash.Hash) {
	left := h.n
	for _, block := range h.blocks {
		n := min(left, blockBytes)
		sum.Write(block[:n]) // never fails
		left -= n
	}
}
