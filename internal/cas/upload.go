package cas

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/digest"
)

// headBytes is what an upload reads before it asks AWS anything: a body that ends within
// costs one request, which can be repeated.
const headBytes = mebibyte

// upload is one Put on its way to S3.
type upload struct {
	store  *Store
	lease  *lease
	memory *memory
	key    string
	digest digest.Digest
	label  Label
	length int64     // or UnknownLength
	body   io.Reader // verifies: it ends with io.EOF only if the digest agreed
	parts  partSizes
	offer  bool // a duplicate is answered without the rest of the body
}

func (s *Store) upload(ctx context.Context, ref Ref, length int64, body io.Reader, label Label, offer bool) (created bool, err error) {
	if length > s.MaxSize() {
		return false, fmt.Errorf("%w: %d bytes, %d are allowed", ErrTooLarge, length, s.MaxSize())
	}
	lease, err := s.lease(ctx, ref.Org, ref.Backend)
	if err != nil {
		return false, err
	}
	u := upload{
		store:  s,
		lease:  lease,
		memory: s.memory,
		key:    lease.session.Tenant.ObjectKey(ref.Digest),
		digest: ref.Digest,
		label:  label,
		length: length,
		body:   digest.Verify(body, ref.Digest, length),
		parts:  partSizes{first: s.cfg.PartSize, length: length},
		offer:  offer,
	}
	switch {
	case length > s.cfg.SinglePutMax:
		err = u.inParts(ctx, nil)
	case length > headBytes:
		err = u.stream(ctx)
	default:
		err = u.buffered(ctx)
	}
	if undecided(err) {
		if there, _ := u.exists(ctx); there {
			err = cloud.ErrExists
		}
	}
	if errors.Is(err, cloud.ErrExists) {
		// Somebody stored it first. The body must be right all the same, unless its client
		// only offered it: one that lies about its content is told so, whoever came before.
		if !offer {
			_, err = io.Copy(io.Discard, u.body)
			return false, err
		}
		return false, nil
	}
	sess, _ := lease.current()
	s.note(ref.Org, sess, err)
	return err == nil, blamed(sess, err)
}

func (u *upload) exists(ctx context.Context) (there bool, err error) {
	err = u.lease.do(ctx, func(o Objects) (err error) {
		there, err = o.Exists(ctx, u.key)
		return err
	})
	return there, err
}

// stream sends a body of known length with one request, holding nothing of it. Once S3
// has begun to take the body, only the client that has the bytes can send them again.
func (u *upload) stream(ctx context.Context) error {
	// AWS does not promise to look at If-None-Match before it asks for the body.
	if u.offer {
		if there, err := u.exists(ctx); err != nil || there {
			return errors.Join(err, existing(there))
		}
	}
	return u.lease.do(ctx, func(o Objects) error {
		lent := &tether{body: u.body, length: u.length}
		return lent.cut(o.Put(ctx, u.key, u.digest, u.length, lent, u.label))
	})
}

func existing(there bool) error {
	if there {
		return cloud.ErrExists
	}
	return nil
}

// The buffer of an upload grows with what has arrived. A client that opens many uploads
// and sends next to nothing must not be lent headBytes for each.
const (
	firstBuffer  = 16 << 10
	bufferGrowth = 8
)

// buffered reads before it sends: a body that fits in a part goes with one request that
// can be repeated, a larger one part by part.
func (u *upload) buffered(ctx context.Context) error {
	var head []byte
	for size := firstBuffer; size <= headBytes; size *= bufferGrowth {
		buffer := make([]byte, size)
		n := copy(buffer, head)
		m, ended, err := fill(u.body, buffer[n:])
		if err != nil {
			return err
		}
		head = buffer[:n+m]
		if ended {
			content := bytes.NewReader(head)
			return u.put(ctx, int64(len(head)), content)
		}
	}
	first, err := u.memory.lend(ctx, u.parts.of(1))
	if err != nil {
		return err
	}
	ended, err := first.fill(io.MultiReader(bytes.NewReader(head), u.body))
	if err != nil || ended {
		defer first.release()
	}
	switch {
	case err != nil:
		return err
	case ended:
		return u.put(ctx, first.n, first)
	}
	return u.inParts(ctx, first)
}

// put sends content that can be sent again. A conflict means that another writer was at
// the key at this moment (facts AWS §7.2), and is over by now.
func (u *upload) put(ctx context.Context, size int64, content io.ReadSeeker) error {
	try := func(o Objects) error {
		if _, err := content.Seek(0, io.SeekStart); err != nil {
			return err
		}
		return o.Put(ctx, u.key, u.digest, size, content, u.label)
	}
	err := u.lease.do(ctx, try)
	if errors.Is(err, cloud.ErrConflict) {
		err = u.lease.do(ctx, try)
	}
	return err
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
