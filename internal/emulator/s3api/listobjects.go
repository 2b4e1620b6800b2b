package s3api

import (
	"context"
	"encoding/xml"
	"net/http"

	"github.com/managedcas/managedcas/internal/emulator/state"
)

// The documents of ListObjects and ListObjectsV2
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html).

type listed struct {
	Name           string
	Prefix         keyText
	Delimiter      keyText      `xml:",omitempty"`
	MaxKeys        int          `xml:"MaxKeys"`
	EncodingType   textEncoding `xml:",omitempty"`
	IsTruncated    bool
	Contents       []content
	CommonPrefixes []commonPrefix
}

type content struct {
	Key               keyText
	LastModified      string
	ETag              string
	ChecksumAlgorithm string `xml:",omitempty"`
	ChecksumType      string `xml:",omitempty"`
	Size              int64
	StorageClass      string
	Owner             *owner `xml:",omitempty"`
}

type commonPrefix struct{ Prefix keyText }

type listV1Result struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	listed
	Marker     keyText
	NextMarker keyText `xml:",omitempty"`
}

type listV2Result struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	listed
	KeyCount              int
	StartAfter            keyText `xml:",omitempty"`
	ContinuationToken     string  `xml:",omitempty"`
	NextContinuationToken string  `xml:",omitempty"`
}

func (s *Service) listObjects(ctx context.Context, c *call) error {
	marker := c.query.Get("marker")
	out, last, encoding, err := s.listPage(ctx, c, marker, true)
	if err != nil {
		return err
	}
	result := listV1Result{listed: out, Marker: encoding.write(marker)}
	if last != "" && out.Delimiter != "" {
		result.NextMarker = encoding.write(last) // without a delimiter it is the last key
	}
	return writeXML(c.w, http.StatusOK, result)
}

func (s *Service) listObjectsV2(ctx context.Context, c *call) error {
	if v := c.query.Get("list-type"); v != "2" {
		return invalidArgument("list-type", v, "Invalid List Type specified in Request")
	}
	token, startAfter := c.query.Get("continuation-token"), c.query.Get("start-after")
	after, err := c.afterToken()
	if err != nil {
		return err
	}
	if after == "" {
		after = startAfter
	}
	out, last, encoding, err := s.listPage(ctx, c, after, c.query.Get("fetch-owner") == "true")
	if err != nil {
		return err
	}
	result := listV2Result{
		listed: out, KeyCount: len(out.Contents) + len(out.CommonPrefixes),
		StartAfter: encoding.write(startAfter), ContinuationToken: token,
	}
	if last != "" {
		result.NextContinuationToken = c.toToken(last)
	}
	return writeXML(c.w, http.StatusOK, result)
}

// listPage authorizes the listing and reads a page of it. Last is where the next page
// begins, "" when there is none.
func (s *Service) listPage(ctx context.Context, c *call, after string, owners bool) (out listed, last string, encoding textEncoding, err error) {
	if err := s.allow(ctx, c, "s3:ListBucket", c.listing()); err != nil {
		return out, "", "", err
	}
	p := page{prefix: c.query.Get("prefix"), delimiter: c.query.Get("delimiter"), after: after}
	if p.limit, err = pageSize(c.query.Get("max-keys"), "max-keys", maxListed); err != nil {
		return out, "", "", err
	}
	if encoding, err = c.textEncoding(); err != nil {
		return out, "", "", err
	}
	var f found
	err = s.cfg.DB.View(func(tx state.Tx) error {
		f, err = p.list(tx, c.target.bucket.Name)
		return err
	})
	if err != nil {
		return out, "", "", err
	}
	out = listed{
		Name: c.target.addressedBy, Prefix: encoding.write(p.prefix), Delimiter: encoding.write(p.delimiter),
		MaxKeys: p.limit, EncodingType: encoding, IsTruncated: f.last != "",
	}
	for _, o := range f.objects {
		item := content{
			Key: encoding.write(o.key), LastModified: timestamp(o.Modified), ETag: quote(o.ETag), Size: o.Size, StorageClass: "STANDARD",
			ChecksumAlgorithm: o.Checksum.Algorithm, ChecksumType: o.Checksum.Type,
		}
		if owners {
			own := s.owner()
			item.Owner = &own
		}
		out.Contents = append(out.Contents, item)
	}
	for _, prefix := range f.prefixes {
		out.CommonPrefixes = append(out.CommonPrefixes, commonPrefix{encoding.write(prefix)})
	}
	return out, f.last, encoding, nil
}
