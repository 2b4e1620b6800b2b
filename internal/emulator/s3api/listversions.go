package s3api

import (
	"context"
	"encoding/xml"
	"net/http"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/state"
)

// versionsPage is what a listing of versions asks for. AfterOrder goes on inside of
// the versions of the key page.after; without it that key is done.
type versionsPage struct {
	page
	afterOrder string
}

// foundVersions is one page of a listing of versions.
type foundVersions struct {
	versions []listedVersion
	prefixes []string
	// The last item, when truncated: a key with its version, or a common prefix.
	lastKey, lastID string
	truncated       bool
}

type listedVersion struct {
	key    string
	latest bool
	object
}

// list reads a page, key by key in byte order, and of each key the newest first.
func (p versionsPage) list(tx state.Tx, bucket string) (out foundVersions, err error) {
	from := max(p.prefix, p.after)
	for !out.truncated && p.limit > 0 {
		key, ok, err := nextKey(tx, bucket, from)
		if err != nil || !ok || !strings.HasPrefix(key, p.prefix) {
			return out, err
		}
		from = key + "\x00"
		if rolled := p.rollUp(key); rolled != "" {
			from = behind(rolled)
			if rolled != p.after {
				out.addPrefix(rolled, p.limit)
			}
			continue
		}
		if key == p.after && p.after != "" && p.afterOrder == "" {
			continue
		}
		if err := p.addVersions(&out, stack{tx, bucket, key}); err != nil {
			return out, err
		}
	}
	return out, nil
}

func (f *foundVersions) full(limit int) bool {
	f.truncated = len(f.versions)+len(f.prefixes) >= limit
	return f.truncated
}

func (f *foundVersions) addPrefix(rolled string, limit int) {
	if !f.full(limit) {
		f.prefixes, f.lastKey, f.lastID = append(f.prefixes, rolled), rolled, ""
	}
}

func (p versionsPage) addVersions(out *foundVersions, versions stack) error {
	latest := true
	add := func(o object) bool {
		wanted := versions.key != p.after || o.Order > p.afterOrder
		if wanted && out.full(p.limit) {
			return false
		}
		if wanted {
			out.versions = append(out.versions, listedVersion{versions.key, latest, o})
			out.lastKey, out.lastID = versions.key, o.id()
		}
		latest = false
		return true
	}
	current, err := versions.current()
	if err != nil {
		return err
	}
	if current != nil && !add(*current) {
		return nil
	}
	return versions.old(add)
}

// nextKey returns the first key from on that has a version, in either table.
func nextKey(tx state.Tx, bucket, from string) (key string, ok bool, err error) {
	prefix := objectKey(bucket, "")
	err = objects.Scan(tx, objectKey(bucket, from), func(at string, _ object) (bool, error) {
		key, ok = strings.CutPrefix(at, prefix)
		return false, nil
	})
	if err != nil {
		return "", false, err
	}
	start := strings.TrimSuffix(historyKey(bucket, from, ""), "\x00\x01")
	err = history.Scan(tx, start, func(at string, _ object) (bool, error) {
		if !strings.HasPrefix(at, prefix) {
			return false, nil
		}
		if old := keyInHistory(at, bucket); !ok || old < key {
			key, ok = old, true
		}
		return false, nil
	})
	return key, ok, err
}

type listVersionsResult struct {
	XMLName             xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListVersionsResult"`
	Name                string
	Prefix              keyText
	KeyMarker           keyText
	VersionIDMarker     string  `xml:"VersionIdMarker"`
	NextKeyMarker       keyText `xml:",omitempty"`
	NextVersionIDMarker string  `xml:"NextVersionIdMarker,omitempty"`
	Delimiter           keyText `xml:",omitempty"`
	MaxKeys             int
	EncodingType        textEncoding `xml:",omitempty"`
	IsTruncated         bool
	Versions            []versionElement
	CommonPrefixes      []commonPrefix
}

// versionElement is a Version or a DeleteMarker, which has no content to describe:
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html.
type versionElement struct {
	XMLName           xml.Name
	Key               keyText
	VersionID         string `xml:"VersionId"`
	IsLatest          bool
	LastModified      string
	ETag              string `xml:",omitempty"`
	ChecksumAlgorithm string `xml:",omitempty"`
	ChecksumType      string `xml:",omitempty"`
	Size              *int64 `xml:",omitempty"`
	StorageClass      string `xml:",omitempty"`
	Owner             owner
}

func (v listedVersion) element(encoding textEncoding, own owner) versionElement {
	e := versionElement{
		XMLName: xml.Name{Local: "DeleteMarker"}, Key: encoding.write(v.key), VersionID: v.id(),
		IsLatest: v.latest, LastModified: timestamp(v.Modified), Owner: own,
	}
	if !v.Marker {
		e.XMLName.Local = "Version"
		e.ETag, e.Size, e.StorageClass = quote(v.ETag), &v.Size, "STANDARD"
		e.ChecksumAlgorithm, e.ChecksumType = v.Checksum.Algorithm, v.Checksum.Type
	}
	return e
}

func (s *Service) listObjectVersions(ctx context.Context, c *call) error {
	if err := s.allow(ctx, c, "s3:ListBucketVersions", c.listing()); err != nil {
		return err
	}
	encoding, err := c.textEncoding()
	if err != nil {
		return err
	}
	p := versionsPage{page: page{prefix: c.query.Get("prefix"), delimiter: c.query.Get("delimiter"), after: c.query.Get("key-marker")}}
	if p.limit, err = pageSize(c.query.Get("max-keys"), "max-keys", maxListed); err != nil {
		return err
	}
	marker := c.query.Get("version-id-marker")
	if marker != "" && p.after == "" {
		return invalidArgument("version-id-marker", marker, "A version-id marker cannot be specified without a key marker.")
	}
	if marker != "" {
		if err := checkVersionID(marker); err != nil {
			return err
		}
	}
	var f foundVersions
	err = s.cfg.DB.View(func(tx state.Tx) error {
		if p.afterOrder, err = (stack{tx, c.target.bucket.Name, p.after}).orderOf(marker); err != nil {
			return err
		}
		f, err = p.list(tx, c.target.bucket.Name)
		return err
	})
	if err != nil {
		return err
	}
	out := listVersionsResult{
		Name: c.target.addressedBy, Prefix: encoding.write(p.prefix), KeyMarker: encoding.write(p.after), VersionIDMarker: marker,
		Delimiter: encoding.write(p.delimiter), MaxKeys: p.limit, EncodingType: encoding, IsTruncated: f.truncated,
	}
	if f.truncated {
		out.NextKeyMarker, out.NextVersionIDMarker = encoding.write(f.lastKey), f.lastID
	}
	for _, v := range f.versions {
		out.Versions = append(out.Versions, v.element(encoding, s.owner()))
	}
	for _, prefix := range f.prefixes {
		out.CommonPrefixes = append(out.CommonPrefixes, commonPrefix{encoding.write(prefix)})
	}
	return writeXML(c.w, http.StatusOK, out)
}

// orderOf returns where the version that a marker names stands, though it be gone. Of
// a null version that is gone nothing tells it; the listing goes on with the next key.
func (st stack) orderOf(marker string) (string, error) {
	if marker != nullVersion {
		return orderOf(marker), nil
	}
	o, err := st.find(marker)
	if o == nil || err != nil {
		return "", err
	}
	if o.Order == "" {
		return oldest, nil
	}
	return o.Order, nil
}
