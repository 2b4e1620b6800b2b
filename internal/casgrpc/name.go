package casgrpc

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"fmt"

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

// uploadName parses the resource name of a Write: base64 of a gob, or bare hex from
// clients that have no file name to tell.
func uploadName(name string) (digest.Digest, cas.FileName, error) {
	if d, err := digest.ParseHex(name); err == nil {
		return d, "", nil
	}
	if name == "" || len(name) > maxNameBytes {
		return digest.Digest{}, "", malformed(fmt.Errorf("%d bytes", len(name)))
	}
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
	return problem.Wrap(cause, problem.Invalid, "malformed resource name", "send what the stock client sends, or the bare hexadecimal digest")
}
