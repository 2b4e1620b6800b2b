package s3api

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"hash/crc32"
	"net/http"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/minio/crc64nvme"
	"github.com/zeebo/xxh3"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// algorithm is a checksum algorithm of S3.
type algorithm struct {
	name string // "SHA256"
	size int    // of a digest in bytes
	new  func() hash.Hash
}

// algorithms are all that S3 has. Those of the xxHash family have no seed and are
// written in their canonical form, the highest byte first: "RatnNLIeaWg=" is what S3
// takes for "hello world" (https://github.com/aws/aws-sdk-go-v2/issues/3404).
var algorithms = [...]algorithm{
	{"CRC32", crc32.Size, func() hash.Hash { return crc32.NewIEEE() }},
	{"CRC32C", crc32.Size, func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) }},
	{"CRC64NVME", crc64nvme.Size, func() hash.Hash { return crc64nvme.New() }},
	{"SHA1", sha1.Size, sha1.New},
	{"SHA256", sha256.Size, sha256.New},
	{"SHA512", sha512.Size, sha512.New},
	{"MD5", md5.Size, md5.New},
	{"XXHASH64", 8, func() hash.Hash { return xxhash.New() }},
	{"XXHASH3", 8, func() hash.Hash { return xxh3.New() }},
	{"XXHASH128", 16, func() hash.Hash { return xxh3.New128() }},
}

// standardAlgorithm is what S3 computes when the client gives no checksum (facts AWS §7.1).
const standardAlgorithm = "CRC64NVME"

// algorithmNamed finds an algorithm.
func algorithmNamed(name string) (algorithm, error) {
	i := slices.IndexFunc(algorithms[:], func(a algorithm) bool { return strings.EqualFold(a.name, name) })
	if i >= 0 {
		return algorithms[i], nil
	}
	var all []string
	for _, a := range algorithms {
		all = append(all, a.name)
	}
	return algorithm{}, invalidRequest("Checksum algorithm provided is unsupported. Please try again with any of the valid types: [%s]", strings.Join(all, ", "))
}

// header is the header and trailer that carries a checksum.
func (a algorithm) header() string { return checksumPrefix + strings.ToLower(a.name) }

const checksumPrefix = "x-amz-checksum-"

// The types of checksums of objects from multipart uploads.
const (
	composite  = "COMPOSITE"
	fullObject = "FULL_OBJECT"
)

// checksum is a checksum as it is stored and reported.
type checksum struct {
	Algorithm string `json:",omitempty"`
	Type      string `json:",omitempty"`
	Value     string `json:",omitempty"` // base64; with "-N" when composite
}

func (c checksum) setHeaders(h http.Header) {
	if c.Algorithm != "" {
		h.Set(checksumPrefix+strings.ToLower(c.Algorithm), c.Value)
		h.Set(checksumPrefix+"type", c.Type)
	}
}

// claim is what a request says of its payload's checksum. Without an algorithm it
// says nothing.
type claim struct {
	algorithm algorithm
	value     []byte // nil when it follows in the trailer
}

// readClaim finds the checksum headers of a request, or the promise of a trailer.
func readClaim(h http.Header) (claim, error) {
	var found []claim
	for name, values := range h {
		suffix, ok := strings.CutPrefix(strings.ToLower(name), checksumPrefix)
		if !ok || suffix == "algorithm" || suffix == "type" || suffix == "mode" {
			continue
		}
		a, err := algorithmNamed(suffix)
		if err != nil {
			return claim{}, err
		}
		value, err := a.decode(values[0])
		if err != nil || len(values) > 1 {
			return claim{}, invalidRequest("Value for %s header is invalid.", a.header())
		}
		found = append(found, claim{a, value})
	}
	for _, name := range strings.Split(h.Get("X-Amz-Trailer"), ",") {
		suffix, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(name)), checksumPrefix)
		if !ok {
			continue
		}
		a, err := algorithmNamed(suffix)
		if err != nil {
			return claim{}, err
		}
		found = append(found, claim{algorithm: a})
	}
	switch {
	case len(found) > 1:
		return claim{}, invalidRequest("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
	case len(found) == 1:
		return found[0], agrees(h, found[0])
	case h.Get("X-Amz-Sdk-Checksum-Algorithm") != "":
		return claim{}, invalidRequest("x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.")
	}
	return claim{}, nil
}

func agrees(h http.Header, found claim) error {
	if sdk := h.Get("X-Amz-Sdk-Checksum-Algorithm"); sdk != "" && !strings.EqualFold(sdk, found.algorithm.name) {
		return invalidRequest("Value for x-amz-sdk-checksum-algorithm header is invalid.")
	}
	return nil
}

func (a algorithm) decode(text string) ([]byte, error) {
	value, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(value) != a.size {
		return nil, invalidRequest("Value for %s header is invalid.", a.header())
	}
	return value, nil
}

// verify compares the claim with what was computed of the payload. The trailer must
// be complete.
func (cl claim) verify(computed []byte, trailer http.Header) error {
	a, want := cl.algorithm, cl.value
	if want == nil {
		text := trailer.Get(a.header())
		if text == "" {
			return api.Errorf(http.StatusBadRequest, "MalformedTrailerError", "The request contained trailing data that was not well-formed or did not conform to our published schema.")
		}
		var err error
		if want, err = a.decode(text); err != nil {
			return err
		}
	}
	if !bytes.Equal(want, computed) {
		return api.Errorf(http.StatusBadRequest, "BadDigest", "The %s you specified did not match the calculated checksum.", a.name)
	}
	return nil
}

// signedSHA256 returns the payload's SHA-256 when the client signed it: reading the
// payload to its end has then proved it, and it need not be computed again.
func signedSHA256(req *api.Request) []byte {
	sum, err := hex.DecodeString(req.PayloadSHA256)
	if err != nil || len(sum) != sha256.Size {
		return nil
	}
	return sum
}
