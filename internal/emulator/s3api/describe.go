package s3api

import (
	"net/http"
	"strings"
	"unicode"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// maxMetadata is the limit of user metadata: the bytes of all names and values
// (facts AWS §7.3).
const maxMetadata = 2 << 10

const metadataPrefix = "x-amz-meta-"

// standardHeaders are kept with an object and returned with it.
var standardHeaders = [...]string{"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Type", "Expires"}

// describe reads what the request says of the object to be.
func (c *call) describe() (description, error) {
	d := description{Headers: map[string]string{}, Metadata: map[string]string{}}
	if class := c.r.Header.Get("X-Amz-Storage-Class"); class != "" && class != "STANDARD" {
		return d, notImplemented(c.op.name + " with x-amz-storage-class " + class)
	}
	if acl := c.r.Header.Get("X-Amz-Acl"); acl != "" && acl != "bucket-owner-full-control" || hasGrants(c.r) {
		return d, noACLs()
	}
	for _, name := range standardHeaders {
		if v := c.r.Header.Get(name); v != "" {
			d.Headers[name] = v
		}
	}
	if encoding := withoutFraming(d.Headers["Content-Encoding"]); encoding == "" {
		delete(d.Headers, "Content-Encoding")
	} else {
		d.Headers["Content-Encoding"] = encoding
	}
	if d.Headers["Content-Type"] == "" {
		d.Headers["Content-Type"] = "binary/octet-stream"
	}
	size := 0
	for name, values := range c.r.Header {
		if name, ok := strings.CutPrefix(strings.ToLower(name), metadataPrefix); ok {
			d.Metadata[name] = strings.Join(values, ",")
			if strings.ContainsFunc(d.Metadata[name], func(r rune) bool { return r > unicode.MaxASCII }) {
				return d, notASCII(name)
			}
			size += len(name) + len(d.Metadata[name])
		}
	}
	if size > maxMetadata {
		return d, &api.Error{Status: http.StatusBadRequest, Code: "MetadataTooLarge", Message: "Your metadata headers exceed the maximum allowed metadata size",
			Extra: [][2]string{{"Size", itoa(int64(size))}, {"MaxSizeAllowed", itoa(maxMetadata)}}}
	}
	var err error
	if d.Tags, err = headerTags(c.r); err != nil {
		return d, err
	}
	d.Encryption, err = c.chooseSealing()
	return d, err
}

// notASCII is the answer to user metadata other than US-ASCII, all that the REST API takes
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html). S3 does not
// refuse it as such: it reads other bytes than the client has signed.
func notASCII(name string) error {
	return api.Errorf(http.StatusForbidden, "SignatureDoesNotMatch",
		"The request signature we calculated does not match the signature you provided: "+metadataPrefix+"%s is not US-ASCII. Encode it.", name)
}

// withoutFraming takes aws-chunked from a Content-Encoding: it encodes the request,
// not the object.
func withoutFraming(encoding string) string {
	var kept []string
	for _, e := range strings.Split(encoding, ",") {
		if e = strings.TrimSpace(e); e != "" && !strings.EqualFold(e, "aws-chunked") {
			kept = append(kept, e)
		}
	}
	return strings.Join(kept, ",")
}

func hasGrants(r *http.Request) bool {
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Amz-Grant-") {
			return true
		}
	}
	return false
}

// setHeaders describes an object in the answer to GET and HEAD. The values of
// overrides replace what is stored.
func (o object) setHeaders(h http.Header, overrides map[string]string) {
	for name, value := range o.Headers {
		h.Set(name, value)
	}
	for name, value := range overrides {
		h.Set(name, value)
	}
	for name, value := range o.Metadata {
		h.Set(metadataPrefix+name, value)
	}
	if n := len(o.Tags); n > 0 {
		h.Set("X-Amz-Tagging-Count", itoa(int64(n)))
	}
	o.Encryption.setHeaders(h)
	o.setValidators(h)
	h.Set("Accept-Ranges", "bytes")
}

// setValidators sets the headers that conditional requests compare with.
func (o object) setValidators(h http.Header) {
	h.Set("ETag", quote(o.ETag))
	h.Set("Last-Modified", o.Modified.UTC().Format(http.TimeFormat))
}

func quote(etag string) string { return `"` + etag + `"` }
