package s3api

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

type completeRequest struct {
	Parts   []completedPart `xml:"Part"`
	Unknown unknown         `xml:",any"`
}

// completedPart names a part and, optionally, what the client believes of it.
type completedPart struct {
	PartNumber int
	ETag       string
	checksumElements
	Unknown unknown `xml:",any"`
}

type completeResult struct {
	XMLName  xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CompleteMultipartUploadResult"`
	Location string
	Bucket   string
	Key      string
	ETag     string
	checksumElements
	ChecksumType string
}

func (s *Service) completeMultipartUpload(ctx context.Context, c *call) error {
	if err := s.allowWrite(ctx, c, true); err != nil {
		return err
	}
	u, err := s.findUpload(c)
	if err != nil {
		return err
	}
	condition, err := c.createCondition()
	if err != nil {
		return err
	}
	if err := s.checkCondition(c, condition); err != nil {
		return err
	}
	if u.Asked {
		if _, err := s.dataKey(ctx, c, c.target.key, u.Encryption); err != nil { // facts AWS §6.1
			return err
		}
	}
	// A checksum header of this request is about the object, not about its document.
	body, err := c.readBody()
	if err != nil {
		return err
	}
	var in completeRequest
	if err := decodeXML(body, "CompleteMultipartUpload", &in); err != nil {
		return err
	}
	if err := in.check(); err != nil {
		return err
	}
	o, err := s.finish(c, condition, in)
	if err != nil {
		return err
	}
	o.Encryption.setHeaders(c.w.Header())
	c.tellNewVersion(o.version)
	result := completeResult{
		Location: "http://" + c.r.Host + c.r.URL.EscapedPath(), Bucket: c.target.addressedBy, Key: c.target.key,
		ETag: quote(o.ETag), ChecksumType: o.Checksum.Type,
	}
	result.set(o.Checksum)
	return writeXML(c.w, http.StatusOK, result)
}

// check refuses lists of parts that no upload can have.
func (in completeRequest) check() error {
	if err := in.Unknown.refuse("CompleteMultipartUpload"); err != nil {
		return err
	}
	if n := len(in.Parts); n == 0 || n > maxParts {
		return malformedXML(errors.New("there must be 1 to 10000 parts"))
	}
	for i, p := range in.Parts {
		if err := p.Unknown.refuse("CompleteMultipartUpload"); err != nil {
			return err
		}
		if i > 0 && p.PartNumber <= in.Parts[i-1].PartNumber {
			return api.Errorf(http.StatusBadRequest, "InvalidPartOrder", "The list of parts was not in ascending order. The parts list must be specified in order by part number.")
		}
	}
	return nil
}

// finish turns the upload into an object. The parts are read in the transaction that
// records it, so that none can change in between.
func (s *Service) finish(c *call, condition createCondition, in completeRequest) (o object, err error) {
	id := c.query.Get("uploadId")
	var unused pieces
	o, err = s.publish(c, condition, func(tx state.Tx) (o object, err error) {
		u, err := c.uploadIn(tx)
		if err != nil {
			return o, err
		}
		if o, err = assemble(tx, id, u, in); err != nil {
			return o, err
		}
		if err := c.checkAssembled(o); err != nil {
			return o, err
		}
		all, err := dropUpload(tx, uploadKey(c.target.bucket.Name, c.target.key, id), id)
		unused = slices.DeleteFunc(all, func(p piece) bool { return slices.Contains(o.Pieces, p) })
		return o, err
	})
	if err != nil {
		return o, err
	}
	s.discard(unused)
	return o, nil
}

// assemble makes the object out of the parts that the request lists.
func assemble(tx state.Tx, id string, u upload, in completeRequest) (object, error) {
	o := object{description: u.description, Modified: time.Now().UTC(), Multipart: true}
	etags := md5.New()
	sums := newPartSums(u)
	for i, want := range in.Parts {
		p, err := parts.Get(tx, partKey(id, want.PartNumber))
		if errors.Is(err, state.ErrNotFound) || err == nil && strings.Trim(want.ETag, `"`) != p.ETag {
			return o, invalidPart(id, want)
		}
		if err != nil {
			return o, err
		}
		if p.Piece.Size < minPart && i < len(in.Parts)-1 {
			return o, &api.Error{Status: http.StatusBadRequest, Code: "EntityTooSmall", Message: "Your proposed upload is smaller than the minimum allowed size",
				Extra: [][2]string{{"ProposedSize", itoa(p.Piece.Size)}, {"MinSizeAllowed", itoa(minPart)}, {"PartNumber", strconv.Itoa(want.PartNumber)}, {"ETag", p.ETag}}}
		}
		if err := want.agree(u, p); err != nil {
			return o, err
		}
		raw, err := hex.DecodeString(p.ETag)
		if err != nil {
			return o, err
		}
		etags.Write(raw)
		if err := sums.add(p); err != nil {
			return o, err
		}
		o.Pieces = append(o.Pieces, p.Piece)
		if u.Asked {
			o.PartSums = append(o.PartSums, p.Checksum.Value)
		}
		o.Size += p.Piece.Size
	}
	o.ETag = hex.EncodeToString(etags.Sum(nil)) + "-" + strconv.Itoa(len(in.Parts))
	o.Checksum = sums.checksum()
	return o, nil
}

func invalidPart(id string, want completedPart) *api.Error {
	return &api.Error{Status: http.StatusBadRequest, Code: "InvalidPart",
		Message: "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
		Extra:   [][2]string{{"UploadId", id}, {"PartNumber", strconv.Itoa(want.PartNumber)}, {"ETag", strings.Trim(want.ETag, `"`)}}}
}

// agree compares the checksum that the request gives of a part. A composite checksum
// demands one for each part. One that nobody can verify, because the part came without
// it, is refused; what AWS does then is not documented.
func (want completedPart) agree(u upload, p part) error {
	given := want.values()
	if len(given) == 0 && u.Asked && u.Type == composite {
		return invalidRequest("The upload was created using a %s checksum. The complete request must include the checksum for each part. It was missing for part %d in the request.", strings.ToLower(u.Algorithm), want.PartNumber)
	}
	for name, value := range given {
		known := p.Checksum
		if name == p.Claimed.Algorithm && !u.Asked {
			known = p.Claimed
		}
		if name != known.Algorithm || value != known.Value {
			return api.Errorf(http.StatusBadRequest, "InvalidPart", "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.")
		}
	}
	return nil
}

// checkAssembled compares the object with what the request's headers say of it.
func (c *call) checkAssembled(o object) error {
	h := c.r.Header
	if v := h.Get("X-Amz-Mp-Object-Size"); v != "" && v != itoa(o.Size) {
		return invalidRequest("The provided 'x-amz-mp-object-size' header value %s does not match what was computed: %d", v, o.Size)
	}
	if v := h.Get("X-Amz-Checksum-Type"); v != "" && v != o.Checksum.Type {
		return api.Errorf(http.StatusBadRequest, "BadDigest", "The checksum type of the upload is %s, not %s.", o.Checksum.Type, v)
	}
	for _, a := range algorithms {
		v := h.Get(a.header())
		if v == "" {
			continue
		}
		whole, _, _ := strings.Cut(o.Checksum.Value, "-") // clients may leave out the number of parts
		if a.name != o.Checksum.Algorithm || v != o.Checksum.Value && v != whole {
			return api.Errorf(http.StatusBadRequest, "BadDigest", "The %s you specified did not match the calculated checksum.", a.name)
		}
	}
	return nil
}

// partSums computes the checksum of an object from those of its parts.
type partSums struct {
	upload upload
	field  crcField // full object
	crc    uint64
	joined bytes.Buffer // composite
	count  int
}

func newPartSums(u upload) *partSums { return &partSums{upload: u, field: polynomials[u.Algorithm]} }

func (s *partSums) add(p part) error {
	raw, err := base64.StdEncoding.DecodeString(p.Checksum.Value)
	if err != nil {
		return err
	}
	s.count++
	if s.upload.Type == composite {
		s.joined.Write(raw)
		return nil
	}
	s.crc = s.field.combine(s.crc, s.field.read(raw), p.Piece.Size)
	return nil
}

func (s *partSums) checksum() checksum {
	out := checksum{Algorithm: s.upload.Algorithm, Type: s.upload.Type}
	if s.upload.Type == fullObject {
		out.Value = base64.StdEncoding.EncodeToString(s.field.bytes(s.crc))
		return out
	}
	a, _ := algorithmNamed(s.upload.Algorithm) // it was found when the upload began
	sum := a.new()
	sum.Write(s.joined.Bytes())
	out.Value = base64.StdEncoding.EncodeToString(sum.Sum(nil)) + "-" + strconv.Itoa(s.count)
	return out
}
