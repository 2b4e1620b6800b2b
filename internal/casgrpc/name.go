package casgrpc

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/problem"
)

// maxNameBytes bounds a resource name before anything decodes it: the stock client's
// is about 240 bytes and 1,364 with a file name of 255 bytes, our own client's as much as
// 1,776 with the longest media type; and gob's decoder is not made for hostile input.
const maxNameBytes = 2048

// resource is what a Write resource name carries. The stock client sends the gob
// encoding of a struct with these exported fields, which gob matches by name (facts
// WIRE §5.3); others are ignored.
type resource struct {
	FileName  string
	Digest    string // bare hex
	MediaType string // of our own client; the stock one has none
}

// written is what the resource name of a Write says.
type written struct {
	digest digest.Digest
	file   cas.FileName
	media  cas.MediaType
	length int64 // or cas.UnknownLength
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
		if _, err := uuid.Parse(id); err != nil {
			return written{}, malformed(err)
		}
		d, length, err := blobName(blob)
		return written{digest: d, length: length}, err
	}
	return gobName(name)
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

// downloadName parses the resource name of a Read: bare hex (facts WIRE §5.2), or that
// of the Remote Execution API; the size is cas.UnknownLength where the name has none.
func downloadName(name string) (digest.Digest, int64, error) {
	if strings.HasPrefix(name, "blobs/") && len(name) <= maxNameBytes {
		return blobName(name)
	}
	d, err := digest.ParseHex(name)
	return d, cas.UnknownLength, err
}

// gobName parses what the stock client sends. It sends the base name of a file as it is:
// one that is no usable name is cleaned, for the upload of a build must not fail because
// of it.
func gobName(name string) (written, error) {
	raw, err := base64.StdEncoding.DecodeString(name)
	if err != nil {
		return written{}, malformed(err)
	}
	if err := framed(raw); err != nil {
		return written{}, malformed(err)
	}
	var res resource
	rest := bytes.NewReader(raw)
	if err := gob.NewDecoder(rest).Decode(&res); err != nil {
		return written{}, malformed(err)
	}
	if rest.Len() > 0 {
		return written{}, malformed(fmt.Errorf("%d bytes after the resource", rest.Len()))
	}
	d, err := digest.ParseHex(res.Digest)
	if err != nil {
		return written{}, err
	}
	media, err := cas.ParseMediaType(res.MediaType)
	return written{digest: d, file: cas.CleanFileName(res.FileName), media: media, length: cas.UnknownLength}, err
}

// framed checks that raw is gob messages that are all there: the decoder makes room for
// what the length before a message claims, up to 10 MiB, before it looks for it.
func framed(raw []byte) error {
	for len(raw) > 0 {
		length, begin := uint64(raw[0]), 1
		if length > math.MaxInt8 { // the negated count of the bytes that the length has
			begin += -int(int8(raw[0]))
			if begin > min(len(raw), 1+8) {
				return errors.New("a length that is cut off")
			}
			length = 0
			for _, b := range raw[1:begin] {
				length = length<<8 | uint64(b)
			}
		}
		if raw = raw[begin:]; length > uint64(len(raw)) {
			return fmt.Errorf("a message of %d bytes, %d are there", length, len(raw))
		}
		raw = raw[length:]
	}
	return nil
}

func malformed(cause error) error {
	return problem.Wrap(cause, problem.Invalid, "malformed resource name", "send what the stock client sends, uploads/{uuid}/blobs/{hash}/{size}, or the bare hexadecimal digest")
}
