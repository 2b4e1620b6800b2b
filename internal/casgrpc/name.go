package casgrpc

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/problem"
)

// maxNameBytes bounds a resource name before anything decodes it: the stock client's
// is about 240 bytes and 1,364 with the longest file name, and gob's decoder is not
// made for hostile input.
const maxNameBytes = 2048

// resource is what a Write resource name carries. The stock client sends the gob
// encoding of a struct with these exported fields, which gob matches by name (facts
// WIRE §5.3); others are ignored.
type resource struct {
	FileName string
	Digest   string // bare hex
}

// written is what the resource name of a Write says.
type written struct {
	digest digest.Digest
	file   cas.FileName
	length int64     // or cas.UnknownLength
	upload uuid.UUID // zero: its client has no name for the upload, and cannot resume it
}

// uploadName parses the resource name of a Write: base64 of a gob, the name that the
// Remote Execution API has, or bare hex from clients that have no file name to tell.
func uploadName(name string) (written, error) {
	if d, err := digest.ParseHex(name); err == nil {
		return written{digest: d, length: cas.UnknownLength}, nil
	}
	if name == "" || len(name) > maxNameBytes {
		return written{}, malformed(fmt.Errorf("%d bytes", len(name)))
	}
	if rest, ok := strings.CutPrefix(name, "uploads/"); ok {
		id, blob, _ := strings.Cut(rest, "/")
		upload, err := uuid.Parse(id)
		if err != nil {
			return written{}, malformed(err)
		}
		blob, file := withoutMetadata(blob)
		d, length, err := blobName(blob)
		return written{digest: d, file: file, length: length, upload: upload}, err
	}
	d, file, err := gobName(name)
	return written{digest: d, file: file, length: cas.UnknownLength}, err
}

// blobName parses "blobs/{hash}/{size}" (Remote Execution API v2, ByteStream). An
// instance name before it is refused: the token alone says whose artifacts are meant.
func blobName(name string) (digest.Digest, int64, error) {
	hash, size, ok := strings.Cut(strings.TrimPrefix(name, "blobs/"), "/")
	if !ok || !strings.HasPrefix(name, "blobs/") {
		return digest.Digest{}, 0, malformed(errors.New("not blobs/{hash}/{size}"))
	}
	d, err := digest.ParseHex(hash)
	if err != nil {
		return digest.Digest{}, 0, err
	}
	length, err := strconv.ParseInt(size, 10, 64)
	if err != nil || length < 0 || strconv.FormatInt(length, 10) != size {
		return digest.Digest{}, 0, malformed(fmt.Errorf("not a size: %.30q", size))
	}
	return d, length, nil
}

// withoutMetadata takes what may follow the size in an upload's name (Remote Execution API
// v2, ByteStream): "such as a file name". What is none is ignored, as it has to be.
func withoutMetadata(blob string) (string, cas.FileName) {
	parts := strings.SplitN(blob, "/", 4)
	if len(parts) < 4 {
		return blob, ""
	}
	text, err := url.PathUnescape(parts[3])
	if err != nil {
		text = ""
	}
	name, err := cas.ParseFileName(text)
	if err != nil {
		name = ""
	}
	return strings.Join(parts[:3], "/"), name
}

// downloadName parses the resource name of a Read: bare hex (facts WIRE §5.2), or that
// of the Remote Execution API; the size is cas.UnknownLength where the name has none.
func downloadName(name string) (digest.Digest, int64, error) {
	if strings.HasPrefix(name, "blobs/") && len(name) <= maxNameBytes {
		return blobName(name)
	}
	d, err := digest.ParseHex(name)
	return d, cas.UnknownLength, err
}

// gobName parses what the stock client sends.
func gobName(name string) (digest.Digest, cas.FileName, error) {
	raw, err := base64.StdEncoding.DecodeString(name)
	if err != nil {
		return digest.Digest{}, "", malformed(err)
	}
	var res resource
	rest := bytes.NewReader(raw)
	if err := gob.NewDecoder(rest).Decode(&res); err != nil {
		return digest.Digest{}, "", malformed(err)
	}
	if rest.Len() > 0 {
		return digest.Digest{}, "", malformed(fmt.Errorf("%d bytes after the resource", rest.Len()))
	}
	d, err := digest.ParseHex(res.Digest)
	if err != nil {
		return digest.Digest{}, "", err
	}
	file, err := cas.ParseFileName(res.FileName)
	return d, file, err
}

func malformed(cause error) error {
	return problem.Wrap(cause, problem.Invalid, "malformed resource name", "send what the stock client sends, uploads/{uuid}/blobs/{hash}/{size}, or the bare hexadecimal digest")
}
