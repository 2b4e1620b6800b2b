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

// The buffer of an upload grows with what has arrived. A client that opens many uploads
// and sends next to nothing must not be lent a whole part for each.
const (
	firstBuffer  = 16 << 10
	bufferGrowth = 8
)

// buffered reads before it sends: a body that fits in a part goes with one request that
// can be retried, a larger one part by part.
func (u upload) buffered(ctx context.Context, parts partPool) error {
	var arrived []byte
	for size := firstBuffer; size < parts.size; size *= bufferGrowth {
		buffer := make([]byte, size)
		whole, n, err := u.more(buffer, arrived)
		if err != nil {
			return err
		}
		arrived = buffer[:n]
		if whole {
			return u.put(ctx, arrived)
		}
	}
	return parts.with(func(part []byte) error {
		whole, n, err := u.more(part, arrived)
		if err != nil {
			return err
		}
		if whole {
			return u.put(ctx, part[:n])
		}
		arrived = nil // it is in part, and an upload in parts may take hours
		return u.multipart(ctx, part)
	})
}

// more fills buffer with what has arrived and what comes next. It reports whether that
// is the whole body, and how long it is.
func (u upload) more(buffer, arrived []byte) (whole bool, n int, err error) {
	n = copy(buffer, arrived)
	m, ended, err := fill(u.body, buffer[n:])
	n += m
	return ended || u.length == int64(n), n, err
}

func (u upload) put(ctx context.Context, content []byte) error {
	return u.objects.Put(ctx, u.key, u.digest, int64(len(content)), bytes.NewReader(content), u.name)
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
