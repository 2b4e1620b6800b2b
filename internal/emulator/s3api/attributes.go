package s3api

import (
	"context"
	"encoding/xml"
	"net/http"
	"slices"
	"strings"
)

// The document of GetObjectAttributes: of an object what the request names, and no
// content (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html).
type objectAttributes struct {
	XMLName      xml.Name             `xml:"http://s3.amazonaws.com/doc/2006-03-01/ GetObjectAttributesResponse"`
	ETag         string               `xml:",omitempty"`
	Checksum     *attributesChecksum  `xml:",omitempty"`
	ObjectParts  *attributesPartsPage `xml:",omitempty"`
	StorageClass string               `xml:",omitempty"`
	ObjectSize   *int64               `xml:",omitempty"`
}

type attributesChecksum struct {
	checksumElements
	ChecksumType string
}

// attributesPartsPage lists parts only of uploads whose client chose the checksum:
// AWS keeps nothing of the parts of others but their number.
type attributesPartsPage struct {
	PartNumberMarker     *int             `xml:",omitempty"`
	NextPartNumberMarker *int             `xml:",omitempty"`
	MaxParts             *int             `xml:",omitempty"`
	IsTruncated          *bool            `xml:",omitempty"`
	Parts                []attributesPart `xml:"Part"`
	PartsCount           int
}

type attributesPart struct {
	PartNumber int
	Size       int64
	checksumElements
}

var attributeNames = [...]string{"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"}

const headerAttributes = "X-Amz-Object-Attributes"

func (s *Service) getObjectAttributes(ctx context.Context, c *call) error {
	o, err := s.lookup(c)
	if err != nil {
		return err
	}
	// It takes two permissions: that to read the object, too.
	if err := s.allowObject(ctx, c, "s3:GetObjectAttributes", c.target.key, o.tagKeys()); err != nil {
		return err
	}
	if err := s.allowRead(ctx, c, "s3:GetObject", o); err != nil {
		return err
	}
	wanted, err := c.wantedAttributes()
	if err != nil {
		return err
	}
	if slices.Contains(wanted, "Checksum") || slices.Contains(wanted, "ObjectParts") {
		// Reading a checksum takes what reading the object takes (facts AWS §6.1).
		if _, err := s.dataKey(ctx, c, c.target.key, o.Encryption); err != nil {
			return err
		}
	}
	out := objectAttributes{}
	for _, name := range wanted {
		switch name {
		case "ETag":
			out.ETag = o.ETag // the one document that has it without quotes
		case "Checksum":
			out.Checksum = &attributesChecksum{ChecksumType: o.Checksum.Type}
			out.Checksum.set(o.Checksum)
		case "ObjectParts":
			if out.ObjectParts, err = c.attributesParts(*o); err != nil {
				return err
			}
		case "StorageClass":
			out.StorageClass = "STANDARD"
		case "ObjectSize":
			out.ObjectSize = &o.Size
		}
	}
	c.tellVersion(o.version)
	c.w.Header().Set("Last-Modified", o.Modified.UTC().Format(http.TimeFormat))
	return writeXML(c.w, http.StatusOK, out)
}

func (c *call) wantedAttributes() ([]string, error) {
	var wanted []string
	for _, line := range c.r.Header.Values(headerAttributes) {
		for _, name := range strings.Split(line, ",") {
			name = strings.TrimSpace(name)
			if !slices.Contains(attributeNames[:], name) {
				return nil, invalidArgument(strings.ToLower(headerAttributes), name, "Invalid attribute name specified.")
			}
			wanted = append(wanted, name)
		}
	}
	if len(wanted) == 0 {
		return nil, invalidRequest("The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty")
	}
	return wanted, nil
}

// attributesParts returns a page of an object's parts, nil if it was not uploaded so.
func (c *call) attributesParts(o object) (*attributesPartsPage, error) {
	if !o.Multipart {
		return nil, nil
	}
	out := &attributesPartsPage{PartsCount: len(o.Pieces)}
	if len(o.PartSums) != len(o.Pieces) {
		return out, nil
	}
	limit, err := pageSize(c.r.Header.Get("X-Amz-Max-Parts"), "x-amz-max-parts", maxListed)
	if err != nil {
		return nil, err
	}
	after := 0
	if v := c.r.Header.Get("X-Amz-Part-Number-Marker"); v != "" {
		if after, err = pageSize(v, "x-amz-part-number-marker", maxParts); err != nil {
			return nil, err
		}
	}
	last := min(after+limit, len(o.Pieces))
	for i := after; i < last; i++ {
		p := attributesPart{PartNumber: i + 1, Size: o.Pieces[i].Size}
		p.set(checksum{Algorithm: o.Checksum.Algorithm, Value: o.PartSums[i]})
		out.Parts = append(out.Parts, p)
	}
	truncated := last < len(o.Pieces)
	out.PartNumberMarker, out.NextPartNumberMarker, out.MaxParts, out.IsTruncated = &after, &last, &limit, &truncated
	return out, nil
}
