package s3api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/blob"
)

// maxPut is the limit of one PUT and of one part in bytes (facts AWS §7.3).
const maxPut = 5 << 30

// received is a payload that is whole, verified and, unless it is small, on disk, but
// not yet recorded.
type received struct {
	piece    piece
	content  blob.Content
	etag     string
	checksum checksum
	claimed  checksum // and verified; empty without a claim
}

// receive stores the payload of the request under dataKey. Nothing of a payload that
// is not what the request claims stays. Stored is as for newDigests.
func (s *Service) receive(c *call, e sealing, dataKey []byte, stored string) (received, error) {
	length := c.req.BodyLength
	switch {
	case length < 0:
		return received{}, api.Errorf(http.StatusLengthRequired, "MissingContentLength", "You must provide the Content-Length HTTP header.")
	case length > maxPut:
		return received{}, api.Errorf(http.StatusBadRequest, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
	}
	sums, err := newDigests(c.r, c.req, e, stored)
	if err != nil {
		return received{}, err
	}
	return s.keep(dataKey, sums, c.req, length, func(w io.Writer) error { return copyBody(w, c.req.Body, length) })
}

// keep stores what fill writes, about length bytes, if it is what req claims of it.
func (s *Service) keep(dataKey []byte, sums *digests, req *api.Request, length int64, fill func(io.Writer) error) (received, error) {
	w, err := s.blobs.Create(dataKey)
	if err != nil {
		return received{}, err
	}
	defer w.Abort()
	sums.begin(&s.md5s, length)
	defer sums.end()
	if err := fill(io.MultiWriter(w, sums)); err != nil {
		return received{}, err
	}
	sums.finish()
	// The disk works while the last digests are computed; what they refuse is removed.
	out := received{piece: piece{Size: w.Size()}}
	if out.content, err = w.Commit(); err != nil {
		return received{}, err
	}
	out.piece.Blob = out.content.ID
	if out.etag, out.checksum, err = sums.settle(req); err != nil {
		s.drop(out)
		return received{}, err
	}
	out.claimed = sums.proven()
	return out, nil
}

// part is the payload as a part of an upload.
func (r received) part() part {
	p := part{Piece: r.piece, ETag: r.etag, Modified: time.Now().UTC(), Checksum: r.checksum}
	if r.claimed.Algorithm != r.checksum.Algorithm {
		p.Claimed = r.claimed
	}
	return p
}

// drop removes a payload that will not be recorded.
func (s *Service) drop(r received) { s.removed(r.content.Drop()) }

// copyBody copies length bytes and reads on to the body's end, which proves the
// signature over it.
func copyBody(w io.Writer, body io.Reader, length int64) error {
	from := &source{Reader: body}
	n, err := copyAll(w, io.LimitReader(from, length+1), length)
	switch {
	case from.failed != nil:
		if aerr, ok := errors.AsType[*api.Error](from.failed); ok {
			return aerr
		}
		return api.Errorf(http.StatusBadRequest, "IncompleteBody", "The request body terminated unexpectedly: %v", from.failed)
	case err != nil:
		return fmt.Errorf("store the payload: %w", err)
	case n != length:
		return api.Errorf(http.StatusBadRequest, "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header")
	}
	return nil
}

func copyAll(w io.Writer, r io.Reader, length int64) (int64, error) {
	if length >= pumpFrom {
		return pump(w, r)
	}
	return io.CopyBuffer(w, r, make([]byte, max(512, min(length+1, 64<<10))))
}

// source remembers that reading failed, which is the client's fault, where failing
// to write is this program's.
type source struct {
	io.Reader
	failed error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.failed = err
	}
	return n, err
}

// checkDocument verifies the claims about a body that was read whole.
func checkDocument(c *call, body []byte) error {
	d, err := newDigests(c.r, c.req, sealing{Algorithm: sseKMS}, "")
	if err != nil {
		return err
	}
	d.begin(&md5s{}, 0)
	_, _ = d.Write(body)
	d.finish()
	_, _, err = d.settle(c.req)
	return err
}
