package s3api

import (
	"context"
	"encoding/xml"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

type copyResult struct {
	XMLName      xml.Name
	LastModified string
	ETag         string
	checksumElements
	ChecksumType string `xml:",omitempty"`
}

// copyObject answers CopyObject: a write here and a read there, each with its own
// permissions and its own use of a KMS key.
func (s *Service) copyObject(ctx context.Context, c *call) error {
	if err := s.allowWrite(ctx, c, true); err != nil {
		return err
	}
	source, err := s.beginCopy(c)
	if err != nil {
		return err
	}
	condition, err := c.createCondition()
	if err != nil {
		return err
	}
	from, sourceKey, release, err := s.openSource(ctx, source)
	if err != nil {
		return err
	}
	defer release()
	if from.Size > maxPut {
		return invalidRequest("The specified copy source is larger than the maximum allowable size for a copy source: %d", int64(maxPut))
	}
	d, err := s.describeCopy(ctx, c, source, *from)
	if err != nil {
		return err
	}
	if err := s.checkCondition(c, condition); err != nil {
		return err
	}
	algorithm, err := c.copyChecksum(*from)
	if err != nil {
		return err
	}
	dataKey, err := s.newDataKey(ctx, c, c.target.key, &d.Encryption)
	if err != nil {
		return err
	}
	got, err := s.copyContent(*from, sourceKey, byteRange{length: from.Size}, d.Encryption, dataKey, algorithm)
	if err != nil {
		return err
	}
	o := object{description: d, Size: got.piece.Size, ETag: got.etag, Modified: time.Now().UTC(), Checksum: got.checksum, Pieces: pieces{got.piece}}
	if o, err = s.publish(c, condition, func(tx state.Tx) (object, error) { return o, got.content.Record(tx) }); err != nil {
		s.drop(got)
		return err
	}
	c.tellSource(source, *from)
	c.tellNewVersion(o.version)
	o.Encryption.setHeaders(c.w.Header())
	return c.writeCopy("CopyObjectResult", o.ETag, o.Modified, o.Checksum)
}

// uploadPartCopy fills a part of an upload with a range of an object.
func (s *Service) uploadPartCopy(ctx context.Context, c *call) error {
	if err := s.allowWrite(ctx, c, false); err != nil {
		return err
	}
	number, err := partNumber(c.query.Get("partNumber"))
	if err != nil {
		return err
	}
	source, err := s.beginCopy(c)
	if err != nil {
		return err
	}
	u, err := s.findUpload(c)
	if err != nil {
		return err
	}
	from, sourceKey, release, err := s.openSource(ctx, source)
	if err != nil {
		return err
	}
	defer release()
	want, err := copyRange(c.r.Header.Get(headerCopyRange), from.Size)
	if err != nil {
		return err
	}
	dataKey, err := s.dataKey(ctx, c, c.target.key, u.Encryption)
	if err != nil {
		return err
	}
	got, err := s.copyContent(*from, sourceKey, want, u.Encryption, dataKey, u.Algorithm)
	if err != nil {
		return err
	}
	p := got.part()
	if err := s.recordPart(c, number, p, got.content); err != nil {
		s.drop(got)
		return err
	}
	c.tellSource(source, *from)
	u.Encryption.setHeaders(c.w.Header())
	shown := p.Checksum
	shown.Type = "" // a part's checksum has none
	return c.writeCopy("CopyPartResult", p.ETag, p.Modified, shown)
}

// beginCopy reads the source's address, and the request's body, which is empty but
// signed.
func (s *Service) beginCopy(c *call) (*call, error) {
	if err := c.refuseCopyOf(); err != nil {
		return nil, err
	}
	if _, err := c.readBody(); err != nil {
		return nil, err
	}
	return s.readSource(c)
}

// describeCopy returns what the copy is: the source's headers, metadata and tags
// unless the request replaces them, and always the encryption of the request or of
// the bucket.
func (s *Service) describeCopy(ctx context.Context, c, source *call, from object) (description, error) {
	d, err := c.describe()
	if err != nil {
		return d, err
	}
	newMetadata, err := c.directive("X-Amz-Metadata-Directive")
	if err != nil {
		return d, err
	}
	newTags, err := c.directive("X-Amz-Tagging-Directive")
	if err != nil {
		return d, err
	}
	same := source.target.bucket.Name == c.target.bucket.Name && source.target.key == c.target.key && source.versionID() == ""
	if same && !newMetadata && c.r.Header.Get(headerSSE) == "" {
		return d, invalidRequest("This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.")
	}
	if !newMetadata {
		d.Headers, d.Metadata = from.Headers, from.Metadata
	}
	if newTags {
		return d, nil
	}
	if len(d.Tags) > 0 {
		return d, invalidRequest("x-amz-tagging needs x-amz-tagging-directive: REPLACE")
	}
	d.Tags = from.Tags
	return d, s.copyTags(ctx, c, source, from)
}

// copyChecksum returns the algorithm of the copy's checksum: what the request asks
// for, else the source's. The copy is one piece, so the checksum is of the full object.
func (c *call) copyChecksum(from object) (string, error) {
	name := c.r.Header.Get("X-Amz-Checksum-Algorithm")
	if name == "" {
		return from.Checksum.Algorithm, nil
	}
	a, err := algorithmNamed(name)
	return a.name, err
}

// copyContent stores a range of an object under another data key.
func (s *Service) copyContent(from object, sourceKey []byte, want byteRange, e sealing, dataKey []byte, algorithm string) (received, error) {
	req := &api.Request{}
	sums, err := newDigests(&http.Request{}, req, e, algorithm)
	if err != nil {
		return received{}, err
	}
	return s.keep(dataKey, sums, req, want.length, func(w io.Writer) error {
		return s.send(w, from, sourceKey, want, func() {})
	})
}

// copyRange reads x-amz-copy-source-range, which is stricter than Range: both ends
// must be there, and inside of the source
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html).
func copyRange(text string, size int64) (byteRange, error) {
	want := byteRange{length: size}
	if text != "" {
		first, last, _ := strings.Cut(strings.TrimPrefix(text, "bytes="), "-")
		start, err1 := strconv.ParseInt(first, 10, 64)
		end, err2 := strconv.ParseInt(last, 10, 64)
		if !strings.HasPrefix(text, "bytes=") || err1 != nil || err2 != nil || start < 0 || end < start {
			return want, invalidArgument("x-amz-copy-source-range", text, "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy")
		}
		if end >= size {
			return want, invalidArgument("x-amz-copy-source-range", text, "Range specified is not valid for source object of size: "+itoa(size))
		}
		want = byteRange{offset: start, length: end - start + 1}
	}
	if want.length > maxPut {
		return want, invalidRequest("The specified copy source is larger than the maximum allowable size for a copy source: %d", int64(maxPut))
	}
	return want, nil
}

func (c *call) tellSource(source *call, from object) {
	if source.target.bucket.Versioning != "" {
		c.w.Header().Set("X-Amz-Copy-Source-Version-Id", from.id())
	}
}

func (c *call) writeCopy(root, etag string, modified time.Time, sum checksum) error {
	out := copyResult{XMLName: xml.Name{Space: namespace, Local: root}, LastModified: timestamp(modified), ETag: quote(etag), ChecksumType: sum.Type}
	out.set(sum)
	return writeXML(c.w, http.StatusOK, out)
}
