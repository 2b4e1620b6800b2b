package s3api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/blob"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// getObject answers GET and HEAD.
func (s *Service) getObject(ctx context.Context, c *call) error {
	o, release, err := s.hold(c)
	if err != nil {
		return err
	}
	defer release()
	if err := s.allowRead(ctx, c, "s3:GetObject", o); err != nil {
		return err
	}
	c.tellVersion(o.version)
	if c.r.Header.Get(headerSSEC) != "" {
		return invalidRequest("The encryption parameters are not applicable to this object.")
	}
	overrides, err := c.overrides()
	if err != nil {
		return err
	}
	switch outcome, which := readConditions(c.r.Header, *o); outcome {
	case failed:
		return preconditionFailed(which)
	case notModified:
		o.setValidators(c.w.Header())
		c.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	want, err := c.wanted(*o)
	if err != nil {
		return err
	}
	withChecksum := strings.EqualFold(c.r.Header.Get("X-Amz-Checksum-Mode"), "ENABLED")
	if c.r.Method == http.MethodHead {
		if withChecksum {
			// Reading the checksum takes what reading the object takes (facts AWS §6.1).
			if _, err := s.dataKey(ctx, c, c.target.key, o.Encryption); err != nil {
				return err
			}
		}
		c.head(*o, want, overrides, withChecksum)
		return nil
	}
	dataKey, err := s.dataKey(ctx, c, c.target.key, o.Encryption)
	if err != nil {
		return err
	}
	return s.send(c.w, *o, dataKey, want, func() { c.head(*o, want, overrides, withChecksum) })
}

// allowRead authorizes action on the object of the call, nil for none or a delete
// marker. That there is none is told only to those who may list the bucket; S3 has no s3:prefix in the
// context of that question (facts AWS §7.6).
func (s *Service) allowRead(ctx context.Context, c *call, action string, o *object, add ...keysOf) error {
	if err := s.allowObject(ctx, c, action, c.target.key, append(add, o.tagKeys())...); err != nil {
		return err
	}
	if o == nil || o.Marker && c.versionID() == "" {
		if err := s.allow(ctx, c, "s3:ListBucket"); err != nil {
			return err
		}
		return c.absent(o)
	}
	if o.Marker {
		return c.isMarker(*o)
	}
	return nil
}

// hold returns the object of the call, nil for none, and keeps its content readable
// until release is called.
func (s *Service) hold(c *call) (o *object, release func(), err error) {
	for {
		if o, err = s.lookup(c); err != nil || o == nil {
			return nil, func() {}, err
		}
		release = s.blobs.Hold(o.Pieces.blobs()...)
		// Held and still there: nobody has removed the content in between.
		now, err := s.lookup(c)
		if err == nil && now != nil && now.is(*o) {
			return o, release, nil
		}
		release()
		if err != nil {
			return nil, func() {}, err
		}
	}
}

// lookup returns the version that the call names, else the newest, which may be a
// delete marker; nil for none.
func (s *Service) lookup(c *call) (o *object, err error) {
	err = s.cfg.DB.View(func(tx state.Tx) error {
		o, err = c.wantedVersion(stackAt(tx, c))
		return err
	})
	return o, err
}

func (c *call) wantedVersion(versions stack) (*object, error) {
	if id := c.versionID(); id != "" {
		return versions.find(id)
	}
	return versions.newest()
}

// wanted returns the range that the request asks for.
func (c *call) wanted(o object) (byteRange, error) {
	text := c.r.Header.Get("Range")
	if !c.query.Has("partNumber") {
		return parseRange(text, o.Size)
	}
	if text != "" {
		return byteRange{}, invalidRequest("Cannot specify both Range header and partNumber query parameter")
	}
	number, err := partNumber(c.query.Get("partNumber"))
	if err != nil {
		return byteRange{}, err
	}
	if o.Multipart {
		c.w.Header().Set("X-Amz-Mp-Parts-Count", strconv.Itoa(len(o.Pieces)))
	}
	return partRange(o, number)
}

// overrides are the headers that the query sets in the answer; only a signature
// vouches for them.
func (c *call) overrides() (map[string]string, error) {
	out := map[string]string{}
	for _, name := range standardHeaders {
		if v := c.query.Get("response-" + strings.ToLower(name)); v != "" {
			if c.req.Caller.Kind == api.Anonymous {
				return nil, invalidRequest("Request specific response headers cannot be used for anonymous GET requests.")
			}
			out[name] = v
		}
	}
	return out, nil
}

// head writes the answer's status and headers.
func (c *call) head(o object, want byteRange, overrides map[string]string, withChecksum bool) {
	h := c.w.Header()
	o.setHeaders(h, overrides)
	h.Set("Content-Length", itoa(want.length))
	if withChecksum && (!want.partial || want.length == o.Size) {
		o.Checksum.setHeaders(h)
	}
	if want.partial {
		h.Set("Content-Range", want.contentRange(o.Size))
		c.w.WriteHeader(http.StatusPartialContent)
		return
	}
	c.w.WriteHeader(http.StatusOK)
}

// send writes a range of an object. Begin is called when the first bytes are known
// to be good; what fails later must break the connection off.
func (s *Service) send(w io.Writer, o object, dataKey []byte, want byteRange, begin func()) error {
	begun := false
	start := func() {
		if !begun {
			begun = true
			begin()
		}
	}
	left := want
	for _, p := range o.Pieces {
		if left.offset >= p.Size {
			left.offset -= p.Size
			continue
		}
		n := min(left.length, p.Size-left.offset)
		if n == 0 {
			break
		}
		if err := s.sendPiece(w, p.Blob, dataKey, left.offset, n, start); err != nil {
			return err
		}
		left.offset, left.length = 0, left.length-n
	}
	start()
	return nil
}

func (s *Service) sendPiece(w io.Writer, id blob.ID, dataKey []byte, offset, n int64, start func()) (err error) {
	r, err := s.blobs.Open(id, dataKey, offset, n)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if err := r.Prime(); err != nil {
		return err
	}
	start()
	if _, err := r.WriteTo(w); err != nil {
		return fmt.Errorf("send the object: %w", err)
	}
	return nil
}

// is reports whether two records are of the same write of the same object.
func (o object) is(other object) bool {
	return o.Marker == other.Marker && len(o.Pieces) == len(other.Pieces) && (len(o.Pieces) == 0 || o.Pieces[0] == other.Pieces[0])
}
