package s3api

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
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
}

// digests computes what must be known of a payload while it passes, and no more:
// hashing is the most expensive thing that happens to it.
type digests struct {
	claim  claim
	sums   map[string]hash.Hash // by algorithm: the claimed one, and the one to store
	stored string               // the algorithm of the checksum to store
	proved []byte               // the SHA-256, when the signature proves it
	md5    sum                  // nil unless needed
	md5is  []byte               // Content-MD5, nil when not given
	opaque bool                 // the ETag is not the MD5
}

// newDigests reads what the request claims of its payload. Stored names the checksum
// to store, "" for the claimed one. The ETag is the MD5 of the content, but opaque
// with SSE-KMS (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html).
func newDigests(r *http.Request, req *api.Request, e sealing, stored string) (*digests, error) {
	cl, err := readClaim(r.Header)
	if err != nil {
		return nil, err
	}
	d := &digests{claim: cl, stored: stored, proved: signedSHA256(req), opaque: e.Algorithm == sseKMS, sums: map[string]hash.Hash{}}
	if d.stored == "" {
		d.stored = cmp.Or(cl.algorithm.name, standardAlgorithm)
	}
	for _, name := range []string{cl.algorithm.name, d.stored} {
		if name == "" || name == "SHA256" && d.proved != nil || d.sums[name] != nil {
			continue
		}
		a, err := algorithmNamed(name)
		if err != nil {
			return nil, err
		}
		d.sums[name] = a.new()
	}
	if v := r.Header.Get("Content-Md5"); v != "" {
		if d.md5is, err = base64.StdEncoding.DecodeString(v); err != nil || len(d.md5is) != md5.Size {
			return nil, api.Errorf(http.StatusBadRequest, "InvalidDigest", "The Content-MD5 you specified was invalid.")
		}
	}
	return d, nil
}

// begin makes ready for about length bytes. It is called when nothing else can refuse
// the request, and end must follow.
func (d *digests) begin(m *md5s, length int64) {
	if d.md5is != nil || !d.opaque {
		d.md5 = m.new(length)
	}
}

func (d *digests) finish() {
	if d.md5 != nil {
		d.md5.Finish()
	}
}

func (d *digests) end() {
	if d.md5 != nil {
		d.md5.Close()
	}
}

// Write implements io.Writer.
func (d *digests) Write(p []byte) (int, error) {
	for _, sum := range d.sums {
		sum.Write(p)
	}
	if d.md5 != nil {
		d.md5.Write(p)
	}
	return len(p), nil
}

func (d *digests) sum(name string) []byte {
	if sum := d.sums[name]; sum != nil {
		return sum.Sum(nil)
	}
	return d.proved
}

// settle verifies the claims after the payload's end, and returns the ETag and the
// checksum to store.
func (d *digests) settle(req *api.Request) (etag string, stored checksum, err error) {
	if name := d.claim.algorithm.name; name != "" {
		if err := d.claim.verify(d.sum(name), req.Trailer()); err != nil {
			return "", stored, err
		}
	}
	stored = checksum{Algorithm: d.stored, Type: fullObject, Value: base64.StdEncoding.EncodeToString(d.sum(d.stored))}
	if d.md5 != nil {
		got := d.md5.Sum()
		if d.md5is != nil && !bytes.Equal(got, d.md5is) {
			return "", stored, &api.Error{Status: http.StatusBadRequest, Code: "BadDigest", Message: "The Content-MD5 you specified did not match what we received.",
				Extra: [][2]string{{"ExpectedDigest", base64.StdEncoding.EncodeToString(d.md5is)}, {"CalculatedDigest", base64.StdEncoding.EncodeToString(got)}}}
		}
		etag = hex.EncodeToString(got)
	}
	if d.opaque {
		etag = newETag()
	}
	return etag, stored, nil
}

// newETag makes an ETag that has the form of an MD5 and says nothing.
func newETag() string {
	var raw [md5.Size]byte
	rand.Read(raw[:])
	return hex.EncodeToString(raw[:])
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
	return out, nil
}

// part is the payload as a part of an upload.
func (r received) part() part { return part{r.piece, r.etag, time.Now().UTC(), r.checksum} }

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
