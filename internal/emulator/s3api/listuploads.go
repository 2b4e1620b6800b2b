package s3api

import (
	"context"
	"encoding/xml"
	"net/http"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/state"
)

type listPartsResult struct {
	XMLName              xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListPartsResult"`
	Bucket               string
	Key                  string
	UploadID             string `xml:"UploadId"`
	Initiator            owner
	Owner                owner
	StorageClass         string
	PartNumberMarker     int
	NextPartNumberMarker int
	MaxParts             int
	IsTruncated          bool
	ChecksumAlgorithm    string       `xml:",omitempty"`
	ChecksumType         string       `xml:",omitempty"`
	Parts                []listedPart `xml:"Part"`
}

type listedPart struct {
	PartNumber   int
	LastModified string
	ETag         string
	Size         int64
	checksumElements
}

func (s *Service) listParts(ctx context.Context, c *call) error {
	if err := s.allowObject(ctx, c, "s3:ListMultipartUploadParts", c.target.key); err != nil {
		return err
	}
	limit, err := pageSize(c.query.Get("max-parts"), "max-parts", maxListed)
	if err != nil {
		return err
	}
	after, err := pageSize(c.query.Get("part-number-marker"), "part-number-marker", maxParts)
	if err != nil {
		return err
	}
	if !c.query.Has("part-number-marker") {
		after = 0
	}
	own, id := s.owner(), c.query.Get("uploadId")
	out := listPartsResult{
		Bucket: c.target.addressedBy, Key: c.target.key, UploadID: id, Initiator: own, Owner: own,
		StorageClass: "STANDARD", PartNumberMarker: after, MaxParts: limit,
	}
	var page []numberedPart
	err = s.cfg.DB.View(func(tx state.Tx) error {
		u, err := c.uploadIn(tx)
		if err != nil {
			return err
		}
		c.tellAbortDate(u)
		if u.Asked {
			out.ChecksumAlgorithm, out.ChecksumType = u.Algorithm, u.Type
		}
		page, out.IsTruncated, err = partsAfter(tx, id, after, limit)
		return err
	})
	if err != nil {
		return err
	}
	for _, p := range page {
		item := listedPart{PartNumber: p.number, LastModified: timestamp(p.Modified), ETag: quote(p.ETag), Size: p.Piece.Size}
		item.set(p.Checksum)
		out.Parts = append(out.Parts, item)
		out.NextPartNumberMarker = p.number
	}
	return writeXML(c.w, http.StatusOK, out)
}

type listUploadsResult struct {
	XMLName            xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListMultipartUploadsResult"`
	Bucket             string
	KeyMarker          keyText
	UploadIDMarker     string  `xml:"UploadIdMarker"`
	NextKeyMarker      keyText `xml:",omitempty"`
	NextUploadIDMarker string  `xml:"NextUploadIdMarker,omitempty"`
	Delimiter          keyText `xml:",omitempty"`
	Prefix             keyText
	EncodingType       textEncoding `xml:",omitempty"`
	MaxUploads         int
	IsTruncated        bool
	Uploads            []listedUpload `xml:"Upload"`
	CommonPrefixes     []commonPrefix
}

type listedUpload struct {
	Key               keyText
	UploadID          string `xml:"UploadId"`
	Initiator         owner
	Owner             owner
	StorageClass      string
	Initiated         string
	ChecksumAlgorithm string `xml:",omitempty"`
	ChecksumType      string `xml:",omitempty"`
}

func (s *Service) listMultipartUploads(ctx context.Context, c *call) error {
	if err := s.allow(ctx, c, "s3:ListBucketMultipartUploads"); err != nil {
		return err
	}
	limit, err := pageSize(c.query.Get("max-uploads"), "max-uploads", maxListed)
	if err != nil {
		return err
	}
	encoding, err := c.textEncoding()
	if err != nil {
		return err
	}
	p := page{prefix: c.query.Get("prefix"), delimiter: c.query.Get("delimiter"), after: c.query.Get("key-marker"), limit: limit}
	afterID := c.query.Get("upload-id-marker")
	if p.after == "" {
		afterID = "" // AWS ignores it without a key-marker
	}
	out := listUploadsResult{
		Bucket: c.target.addressedBy, KeyMarker: encoding.write(p.after), UploadIDMarker: afterID,
		Delimiter: encoding.write(p.delimiter), Prefix: encoding.write(p.prefix), EncodingType: encoding, MaxUploads: limit,
	}
	err = s.cfg.DB.View(func(tx state.Tx) error { return s.pageOfUploads(tx, c, p, afterID, encoding, &out) })
	if err != nil {
		return err
	}
	return writeXML(c.w, http.StatusOK, out)
}

func (s *Service) pageOfUploads(tx state.Tx, c *call, p page, afterID string, encoding textEncoding, out *listUploadsResult) error {
	bucket, own := c.target.bucket.Name, s.owner()
	seen, lastKey, lastID := map[string]bool{}, "", ""
	return uploads.Scan(tx, objectKey(bucket, p.prefix), func(at string, u upload) (bool, error) {
		if !strings.HasPrefix(at, objectKey(bucket, p.prefix)) {
			return false, nil
		}
		key, id := splitUploadKey(at, bucket)
		if !strings.HasPrefix(key, p.prefix) { // the prefix reached into the id
			return true, nil
		}
		rolled := p.rollUp(key)
		switch {
		case key < p.after || rolled != "" && (seen[rolled] || rolled == p.after):
			return true, nil
		case key == p.after && p.after != "" && (afterID == "" || id <= afterID):
			return true, nil
		case len(out.Uploads)+len(seen) == p.limit:
			out.IsTruncated = p.limit > 0
			out.NextKeyMarker, out.NextUploadIDMarker = encoding.write(lastKey), lastID
			return false, nil
		case rolled != "":
			seen[rolled] = true
			lastKey, lastID = rolled, ""
			out.CommonPrefixes = append(out.CommonPrefixes, commonPrefix{encoding.write(rolled)})
			return true, nil
		}
		lastKey, lastID = key, id
		item := listedUpload{Key: encoding.write(key), UploadID: id, Initiator: own, Owner: own, StorageClass: "STANDARD", Initiated: timestamp(u.Begun)}
		if u.Asked {
			item.ChecksumAlgorithm, item.ChecksumType = u.Algorithm, u.Type
		}
		out.Uploads = append(out.Uploads, item)
		return true, nil
	})
}
