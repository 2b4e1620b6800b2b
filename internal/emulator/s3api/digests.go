package s3api

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"net/http"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// digests computes what must be known of a payload while it passes, and no more:
// hashing is the most expensive thing that happens to it.
type digests struct {
	claim  claim
	sums   map[string]hash.Hash // by algorithm: the claimed one, and the one to store
	stored string               // the algorithm of the checksum to store
	proved []byte               // the SHA-256, when the signature proves it
	md5    sum                  // nil unless needed
	md5is  []byte               // Content-MD5, nil when not given
	opaque bool                 // the ETag is not the MD5
}

// newDigests reads what the request claims of its payload. Stored names the checksum
// to store, "" for the claimed one. The ETag is the MD5 of the content, but opaque
// with SSE-KMS (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html).
func newDigests(r *http.Request, req *api.Request, e sealing, stored string) (*digests, error) {
	cl, err := readClaim(r.Header)
	if err != nil {
		return nil, err
	}
	d := &digests{claim: cl, stored: stored, proved: signedSHA256(req), opaque: e.Algorithm == sseKMS, sums: map[string]hash.Hash{}}
	if d.stored == "" {
		d.stored = cmp.Or(cl.algorithm.name, standardAlgorithm)
	}
	for _, name := range []string{cl.algorithm.name, d.stored} {
		if name == "" || name == "SHA256" && d.proved != nil || d.sums[name] != nil {
			continue
		}
		a, err := algorithmNamed(name)
		if err != nil {
			return nil, err
		}
		d.sums[name] = a.new()
	}
	if v := r.Header.Get("Content-Md5"); v != "" {
		if d.md5is, err = base64.StdEncoding.DecodeString(v); err != nil || len(d.md5is) != md5.Size {
			return nil, api.Errorf(http.StatusBadRequest, "InvalidDigest", "The Content-MD5 you specified was invalid.")
		}
	}
	return d, nil
}

// begin makes ready for about length bytes. It is called when nothing else can refuse
// the request, and end must follow.
func (d *digests) begin(m *md5s, length int64) {
	if d.md5is != nil || !d.opaque {
		d.md5 = m.new(length)
	}
}

func (d *digests) finish() {
	if d.md5 != nil {
		d.md5.Finish()
	}
}

func (d *digests) end() {
	if d.md5 != nil {
		d.md5.Close()
	}
}

// Write implements io.Writer.
func (d *digests) Write(p []byte) (int, error) {
	for _, sum := range d.sums {
		sum.Write(p)
	}
	if d.md5 != nil {
		d.md5.Write(p)
	}
	return len(p), nil
}

func (d *digests) sum(name string) []byte {
	if sum := d.sums[name]; sum != nil {
		return sum.Sum(nil)
	}
	return d.proved
}

// settle verifies the claims after the payload's end, and returns the ETag and the
// checksum to store.
func (d *digests) settle(req *api.Request) (etag string, stored checksum, err error) {
	if name := d.claim.algorithm.name; name != "" {
		if err := d.claim.verify(d.sum(name), req.Trailer()); err != nil {
			return "", stored, err
		}
	}
	stored = checksum{Algorithm: d.stored, Type: fullObject, Value: base64.StdEncoding.EncodeToString(d.sum(d.stored))}
	if d.md5 != nil {
		got := d.md5.Sum()
		if d.md5is != nil && !bytes.Equal(got, d.md5is) {
			return "", stored, &api.Error{Status: http.StatusBadRequest, Code: "BadDigest", Message: "The Content-MD5 you specified did not match what we received.",
				Extra: [][2]string{{"ExpectedDigest", base64.StdEncoding.EncodeToString(d.md5is)}, {"CalculatedDigest", base64.StdEncoding.EncodeToString(got)}}}
		}
		etag = hex.EncodeToString(got)
	}
	if d.opaque {
		etag = newETag()
	}
	return etag, stored, nil
}

// proven returns the checksum that the client gave, once settle has verified it.
func (d *digests) proven() checksum {
	name := d.claim.algorithm.name
	if name == "" {
		return checksum{}
	}
	return checksum{Algorithm: name, Type: fullObject, Value: base64.StdEncoding.EncodeToString(d.sum(name))}
}

// newETag makes an ETag that has the form of an MD5 and says nothing.
func newETag() string {
	var raw [md5.Size]byte
	rand.Read(raw[:])
	return hex.EncodeToString(raw[:])
}
