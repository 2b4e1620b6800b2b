package sigv4

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

const (
	// maxLine bounds a chunk header and a trailer line.
	maxLine = 4 << 10
	// minChunk is the least size of a chunk that is not the last
	// (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html).
	minChunk = 8 << 10
	// emptySHA256 stands for the (absent) headers of a chunk in its signature.
	emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// decoder takes the aws-chunked framing off a payload and checks, chunk by chunk,
// the chain of signatures that starts with the request's own. It holds one line in
// memory, never a chunk: the signature of a chunk is checked at the chunk's end,
// and the last bytes of a chunk are not handed out when it is wrong.
type decoder struct {
	src     *bufio.Reader
	signer  *chunkSigner // nil when chunks are not signed
	trailer *trailerSpec // nil when the mode has no trailer

	left     int64 // bytes of the current chunk
	declared int64 // bytes that x-amz-decoded-content-length still promises
	short    bool  // a chunk under minChunk was seen; only the last may be
	err      error // sticky
}

// chunkSigner continues the chain of signatures.
type chunkSigner struct {
	v        *Verified
	previous string
	claimed  string // of the current chunk
	hash     hash.Hash
}

func newDecoder(v *Verified, r *http.Request, length int64) *decoder {
	d := &decoder{src: bufio.NewReaderSize(r.Body, maxLine), declared: length}
	if v.auth.payload != streamingUnsignedTail {
		d.signer = &chunkSigner{v: v, previous: v.auth.signature, hash: sha256.New()}
	}
	if v.auth.payload != streamingSigned {
		d.trailer = newTrailerSpec(r.Header)
	}
	return d
}

func (d *decoder) Read(p []byte) (int, error) {
	if d.err == nil && len(p) == 0 {
		return 0, nil
	}
	for d.err == nil && d.left == 0 {
		d.err = d.next()
	}
	if d.err != nil {
		return 0, d.err
	}
	n, err := d.src.Read(p[:min(int64(len(p)), d.left)])
	d.left -= int64(n)
	d.declared -= int64(n)
	if d.signer != nil {
		d.signer.hash.Write(p[:n])
	}
	if err != nil && d.left > 0 {
		d.err = incomplete(noEOF(err))
		return 0, d.err
	}
	if d.left == 0 {
		if d.err = d.endChunk(); d.err != nil {
			return 0, d.err
		}
	}
	return n, nil
}

// next reads a chunk header. After the last, empty chunk it reads what follows and
// returns io.EOF.
func (d *decoder) next() error {
	line, err := d.line()
	if err != nil {
		return err
	}
	size, err := d.header(line)
	switch {
	case err != nil:
		return err
	case size > d.declared:
		return api.Errorf(400, "IncompleteBody", "The chunks hold more bytes than x-amz-decoded-content-length says")
	case size > 0 && d.short:
		return api.Errorf(403, "InvalidChunkSizeError", "Only the last chunk is allowed to have a size less than %d bytes", minChunk)
	case size > 0:
		d.short = size < minChunk
		d.left = size
		return nil
	case d.declared > 0:
		return api.Errorf(400, "IncompleteBody", "The chunks hold fewer bytes than x-amz-decoded-content-length says")
	}
	return d.finish()
}

// header parses "SIZE" or "SIZE;chunk-signature=SIGNATURE", SIZE in hex.
func (d *decoder) header(line string) (int64, error) {
	text, extension, extended := strings.Cut(line, ";")
	size, err := strconv.ParseUint(text, 16, 63)
	if err != nil || extended != (d.signer != nil) {
		return 0, malformedChunk()
	}
	if d.signer == nil {
		return int64(size), nil
	}
	claimed, ok := strings.CutPrefix(extension, "chunk-signature=")
	if !ok || !isHexSHA256(claimed) {
		return 0, malformedChunk()
	}
	d.signer.claimed = claimed
	return int64(size), nil
}

func (d *decoder) endChunk() error {
	line, err := d.line()
	if err != nil {
		return err
	}
	if line != "" {
		return malformedChunk()
	}
	return d.signer.check()
}

// finish checks the last chunk's signature and the trailer, and that nothing
// follows.
func (d *decoder) finish() error {
	if err := d.signer.check(); err != nil {
		return err
	}
	var err error
	if d.trailer != nil {
		err = d.trailer.read(d)
	} else if line, e := d.line(); e != nil || line != "" {
		err = malformedChunk()
	}
	if err != nil {
		return err
	}
	if _, err := d.src.ReadByte(); !errors.Is(err, io.EOF) {
		return malformedChunk()
	}
	return io.EOF
}

// line reads up to a line feed and takes the line end off.
func (d *decoder) line() (string, error) {
	raw, err := d.src.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", malformedChunk()
	case err != nil:
		return "", incomplete(noEOF(err))
	}
	return string(bytes.TrimSuffix(raw[:len(raw)-1], []byte("\r"))), nil
}

func (d *decoder) verifiedTrailer() http.Header {
	if d.trailer == nil || !errors.Is(d.err, io.EOF) {
		return nil
	}
	return d.trailer.found
}

// check compares the claimed signature of the current chunk and moves on.
func (s *chunkSigner) check() error {
	if s == nil {
		return nil
	}
	sum := hex.EncodeToString(s.hash.Sum(nil))
	s.hash.Reset()
	return s.advance(algorithm+"-PAYLOAD", emptySHA256, sum)
}

// advance proves the claimed signature over lines and makes it the previous one.
func (s *chunkSigner) advance(kind string, lines ...string) error {
	toSign := s.v.auth.stringToSign(kind, append([]string{s.previous}, lines...)...)
	if !equal(sign(s.v.key, toSign), s.claimed) {
		return api.Errorf(403, "SignatureDoesNotMatch", "The signature of a chunk or trailer does not match the one that was calculated. Check your key and signing method.")
	}
	s.previous = s.claimed
	return nil
}

func malformedChunk() *api.Error {
	return api.Errorf(400, "InvalidRequest", "The body is not well-formed aws-chunked content")
}

// noEOF keeps an early end from being taken for the end of the payload.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
