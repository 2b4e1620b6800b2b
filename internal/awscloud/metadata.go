package awscloud

import (
	"net/url"

	"github.com/managedcas/managedcas/internal/cas"
)

// The user metadata ("x-amz-meta-…") that keeps an artifact's label. S3 metadata is ASCII:
// what may be something else is percent-encoded. At its longest a label takes some 1,200
// bytes of the 2 KB that S3 allows for names and values together (facts AWS §7.3).
const (
	nameKey     = "filename"
	typeKey     = "mediatype"
	uploaderKey = "uploader"
)

func metadata(label cas.Label) map[string]string {
	out := map[string]string{}
	for key, value := range map[string]string{
		nameKey:     url.PathEscape(string(label.FileName)),
		typeKey:     string(label.MediaType),
		uploaderKey: url.PathEscape(label.Uploader),
	} {
		if value != "" {
			out[key] = value
		}
	}
	return out
}

// fileName reads what metadata wrote. Anything else is no name: an object that
// something else stored must not break a download.
func fileName(metadata map[string]string) cas.FileName {
	raw, err := url.PathUnescape(metadata[nameKey])
	if err != nil {
		return ""
	}
	name, err := cas.ParseFileName(raw)
	if err != nil {
		return ""
	}
	return name
}

// mediaType is to the media type what fileName is to the name.
func mediaType(metadata map[string]string) cas.MediaType {
	parsed, err := cas.ParseMediaType(metadata[typeKey])
	if err != nil {
		return ""
	}
	return parsed
}

func uploader(metadata map[string]string) string {
	raw, err := url.PathUnescape(metadata[uploaderKey])
	if err != nil || !cas.ValidSubject(raw) {
		return ""
	}
	return raw
}
