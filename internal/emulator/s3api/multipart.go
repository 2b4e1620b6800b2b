package s3api

import (
	"context"
	"crypto/rand"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/blob"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// Limits of multipart uploads (facts AWS §7.3).
const (
	maxParts = 10_000
	minPart  = 5 << 20 // of every part but the last
)

type initiateResult struct {
	XMLName  xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ InitiateMultipartUploadResult"`
	Bucket   string
	Key      string
	UploadID string `xml:"UploadId"`
}

func (s *Service) createMultipartUpload(ctx context.Context, c *call) error {
	if err := s.allowWrite(ctx, c, false); err != nil {
		return err
	}
	d, err := c.describe()
	if err != nil {
		return err
	}
	u := upload{description: d, Begun: time.Now().UTC()}
	if err := u.chooseChecksum(c.r.Header); err != nil {
		return err
	}
	// The one data key of the upload; each part needs kms:Decrypt to use it.
	if _, err := s.newDataKey(ctx, c, c.target.key, &u.Encryption); err != nil {
		return err
	}
	id := newUploadID(u.Begun)
	err = s.cfg.DB.Update(func(tx state.Tx) error {
		return uploads.Put(tx, uploadKey(c.target.bucket.Name, c.target.key, id), u)
	})
	if err != nil {
		return err
	}
	u.Encryption.setHeaders(c.w.Header())
	c.tellAbortDate(u)
	if u.Asked {
		c.w.Header().Set("X-Amz-Checksum-Algorithm", u.Algorithm)
		c.w.Header().Set("X-Amz-Checksum-Type", u.Type)
	}
	return writeXML(c.w, http.StatusOK, initiateResult{Bucket: c.target.addressedBy, Key: c.target.key, UploadID: id})
}

// newUploadID makes an id of fixed length that sorts by time, as listings do, and
// cannot be guessed.
func newUploadID(begun time.Time) string {
	return fmt.Sprintf("%016x%s", begun.UnixNano(), rand.Text())
}

// chooseChecksum reads which checksum the object is to have (facts AWS §7.1). Only CRCs
// can be of the full object, as only they follow from those of the parts
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html);
// the same page lets MD5, SHA512 and the xxHash family be chosen for multipart uploads,
// which leaves the composite type for them.
func (u *upload) chooseChecksum(h http.Header) error {
	name, kind := h.Get("X-Amz-Checksum-Algorithm"), h.Get("X-Amz-Checksum-Type")
	if name == "" {
		if kind != "" {
			return invalidRequest("The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
		}
		u.Algorithm, u.Type = standardAlgorithm, fullObject
		return nil
	}
	a, err := algorithmNamed(name)
	if err != nil {
		return err
	}
	_, combines := polynomials[a.name]
	switch {
	case kind == "" && a.name == standardAlgorithm:
		kind = fullObject
	case kind == "":
		kind = composite
	case kind != composite && kind != fullObject:
		return invalidRequest("Value for x-amz-checksum-type header is invalid.")
	}
	if kind == fullObject && !combines || kind == composite && a.name == standardAlgorithm {
		return invalidRequest("The %s checksum type cannot be used with the %s checksum algorithm.", kind, strings.ToLower(a.name))
	}
	u.Algorithm, u.Type, u.Asked = a.name, kind, true
	return nil
}

func (s *Service) uploadPart(ctx context.Context, c *call) error {
	if err := s.allowWrite(ctx, c, false); err != nil {
		return err
	}
	number, err := partNumber(c.query.Get("partNumber"))
	if err != nil {
		return err
	}
	u, err := s.findUpload(c)
	if err != nil {
		return err
	}
	dataKey, err := s.dataKey(ctx, c, c.target.key, u.Encryption)
	if err != nil {
		return err
	}
	cl, err := readClaim(c.r.Header)
	if err != nil {
		return err
	}
	if u.Asked && cl.algorithm.name != u.Algorithm {
		return invalidRequest("Checksum Type mismatch occurred, expected checksum Type: %s, actual checksum Type: %s", strings.ToLower(u.Algorithm), orNull(strings.ToLower(cl.algorithm.name)))
	}
	got, err := s.receive(c, u.Encryption, dataKey, u.Algorithm)
	if err != nil {
		return err
	}
	if err := s.recordPart(c, number, got.part(), got.content); err != nil {
		s.drop(got)
		return err
	}
	h := c.w.Header()
	h.Set("ETag", quote(got.etag))
	u.Encryption.setHeaders(h)
	h.Set(checksumPrefix+strings.ToLower(got.checksum.Algorithm), got.checksum.Value)
	c.w.WriteHeader(http.StatusOK)
	return nil
}

func orNull(name string) string {
	if name == "" {
		return "null"
	}
	return name
}

// recordPart makes a part visible, in place of an earlier one of the same number.
func (s *Service) recordPart(c *call, number int, p part, content blob.Content) error {
	id := c.query.Get("uploadId")
	var replaced pieces
	err := s.cfg.DB.Update(func(tx state.Tx) error {
		replaced = nil
		if _, err := c.uploadIn(tx); err != nil {
			return err // completed or aborted while the body came
		}
		if old, err := parts.Get(tx, partKey(id, number)); err == nil {
			replaced = pieces{old.Piece}
		}
		return errors.Join(content.Record(tx), parts.Put(tx, partKey(id, number), p))
	})
	if err == nil {
		s.discard(replaced)
	}
	return err
}

func (s *Service) findUpload(c *call) (u upload, err error) {
	err = s.cfg.DB.View(func(tx state.Tx) error {
		u, err = c.uploadIn(tx)
		return err
	})
	return u, err
}

// uploadIn returns the upload that the call names; its bucket and key must be the
// upload's own.
func (c *call) uploadIn(tx state.Tx) (upload, error) {
	id := c.query.Get("uploadId")
	if strings.Contains(id, "\x00") {
		return upload{}, noSuchUpload(id) // it would be read as the end of a longer key
	}
	u, err := uploads.Get(tx, uploadKey(c.target.bucket.Name, c.target.key, id))
	return u, known(err, noSuchUpload(id))
}

func partNumber(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxParts {
		return 0, invalidArgument("partNumber", text, "Part number must be an integer between 1 and 10000, inclusive")
	}
	return n, nil
}

func (s *Service) abortMultipartUpload(ctx context.Context, c *call) error {
	if err := s.allowObject(ctx, c, "s3:AbortMultipartUpload", c.target.key); err != nil {
		return err
	}
	var removed pieces
	err := s.cfg.DB.Update(func(tx state.Tx) (err error) {
		if _, err := c.uploadIn(tx); err != nil {
			return err
		}
		removed, err = dropUpload(tx, uploadKey(c.target.bucket.Name, c.target.key, c.query.Get("uploadId")), c.query.Get("uploadId"))
		return err
	})
	if err != nil {
		return err
	}
	s.discard(removed)
	return c.noContent()
}
