package cas

import (
	"bytes"
	"context"
	"io"

	"github.com/managedcas/managedcas/internal/digest"
)

// upload is one Put on its way to S3.
type upload struct {
	objects Objects
	key     string
	digest  digest.Digest
	name    FileName
	length  int64     // or UnknownLength
	body    io.Reader // verifies: it ends with io.EOF only if the digest agreed
}

// stream sends a body of known length with one request, holding nothing of it. It
// cannot be retried here: the client that has the bytes must send them again.
func (u upload) stream(ctx context.Context) error {
	lent := &tether{body: u.body}
	err := u.objects.Put(ctx, u.key, u.digest, u.length, lent, u.name)
	if failed := lent.cut(); failed != nil {
		return failed
	}
	return err
}

// buffered fills part; a body that fits is sent with one request that can be retried,
// a larger one part by part.
func (u upload) buffered(ctx context.Context, part []byte) error {
	n, ended, err := fill(u.body, part)
	if err != nil {
		return err
	}
	if ended || u.length == int64(n) {
		return u.objects.Put(ctx, u.key, u.digest, int64(n), bytes.NewReader(part[:n]), u.name)
	}
	return u.multipart(ctx, part)
}

// fill reads until part is full or body ends. It stands in for io.ReadFull, which
// cannot tell a body that ended from one that was cut off: both are
// io.ErrUnexpectedEOF to it.
func fill(body io.Reader, part []byte) (n int, ended bool, err error) {
	for n < len(part) {
		m, err := body.Read(part[n:])
		n += m
		if err == io.EOF { // wrapped, it would be somebody's failure and not the end
			return n, true, nil
		}
		if err != nil {
			return n, false, err
		}
	}
	return n, false, nil
}
