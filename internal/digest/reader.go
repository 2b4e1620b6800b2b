package digest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
)

// ErrMismatch means that content did not hash to the digest it was claimed to have.
var ErrMismatch = errors.New("content does not match its digest")

// ErrLength means that content was shorter or longer than its announced length.
var ErrLength = errors.New("content does not have its announced length")

// UnknownLength tells Verify that the length of the content is not known.
const UnknownLength int64 = -1

// verifyingReader passes content on, one byte behind its source: the last byte is
// withheld until the whole content has been hashed. A consumer that needs the
// complete artifact can therefore never have it and a wrong hash at once, even
// when it ignores errors.
type verifyingReader struct {
	src      io.Reader
	want     Digest
	length   int64 // UnknownLength, or the announced number of bytes
	seen     int64
	hash     hash.Hash
	held     byte // the newest byte read, not yet released
	hasHeld  bool
	single   [1]byte // read into when p has room for the held byte only
	verified bool    // the source ended and the digest agreed
	err      error   // sticky: after a failure nothing more is released
}

// Verify returns a reader of src that ends with io.EOF only if src had exactly
// length bytes (unless UnknownLength) and hashed to want. Otherwise it ends with
// an error that wraps ErrMismatch, ErrLength or the error of src, and the last
// byte of src is never released. Every later Read repeats that error. Memory: one
// sha256 state, no buffer.
func Verify(src io.Reader, want Digest, length int64) io.Reader {
	return &verifyingReader{src: src, want: want, length: length, hash: sha256.New()}
}

func (r *verifyingReader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	if r.verified {
		return r.release(p)
	}
	// Read behind the held byte, so that releasing it never needs a second buffer:
	// what comes out is held + the new bytes without the newest one.
	n, err := r.fill(p)
	if err == nil {
		return n, nil
	}
	// io.EOF itself, as io.Reader demands: an error that wraps it is a source that
	// broke, and must not be reported as corrupt content.
	if err != io.EOF { //nolint:errorlint // see above
		r.err = err
		return n, err
	}
	if err := r.check(); err != nil {
		r.err = err
		// Without the bytes at hand: io.ReadFull would drop the error of a filled buffer.
		return 0, err
	}
	r.verified = true
	if n > 0 {
		return n, nil
	}
	return r.release(p)
}

// fill moves content from the source into p, keeping the newest byte back. It
// returns a positive count, or the error that ended the source.
func (r *verifyingReader) fill(p []byte) (int, error) {
	// The held byte comes first and what is new goes behind it: nothing has to be moved,
	// which for every byte of every transfer would be a good part of what hashing costs.
	fresh, out := p, -1
	if r.hasHeld {
		out = 0
		if fresh = p[1:]; len(fresh) == 0 {
			fresh = r.single[:]
		}
	}
	for empty := 0; ; empty++ {
		n, err := r.src.Read(fresh)
		if n > 0 {
			r.hash.Write(fresh[:n])
			r.seen += int64(n)
			if r.length != UnknownLength && r.seen > r.length {
				return 0, fmt.Errorf("%w: more than %d bytes", ErrLength, r.length)
			}
			newest := fresh[n-1]
			if r.hasHeld {
				p[0] = r.held
			}
			r.held, r.hasHeld = newest, true
			if out += n; out > 0 || err != nil {
				return out, err
			}
			return r.fill(p) // a single first byte: nothing to release yet
		}
		if err != nil {
			return 0, err
		}
		if empty >= 100 {
			return 0, io.ErrNoProgress
		}
	}
}

func (r *verifyingReader) check() error {
	if r.length != UnknownLength && r.seen != r.length {
		return fmt.Errorf("%w: %d bytes, want %d", ErrLength, r.seen, r.length)
	}
	got, err := FromSum(r.hash.Sum(nil))
	if err != nil {
		return err
	}
	if got != r.want {
		return fmt.Errorf("%w: %d bytes hash to %s, want %s", ErrMismatch, r.seen, got, r.want)
	}
	return nil
}

func (r *verifyingReader) release(p []byte) (int, error) {
	if !r.hasHeld {
		r.err = io.EOF
		return 0, io.EOF
	}
	p[0], r.hasHeld = r.held, false
	return 1, nil
}
