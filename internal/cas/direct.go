package cas

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/session"
)

// Direct is for transfers that do not come through this process.
type Direct interface {
	// PresignPut signs the request that Put sends, for a client to send it. S3 refuses it
	// with other bytes, another length, another label, or without its condition.
	PresignPut(ctx context.Context, key string, d digest.Digest, size int64, label Label, life time.Duration) (Presigned, error)
	// PresignGet signs a request for the object, to be saved under name; the client may add
	// a Range.
	PresignGet(ctx context.Context, key string, name FileName, life time.Duration) (Presigned, error)
	// Checksum is Stat, with the sha256 that S3 itself computed of the whole object; zero
	// if S3 has none, as of what was uploaded in parts.
	Checksum(ctx context.Context, key string) (Info, digest.Digest, error)
}

// Presigned is a signed request that anybody may send until it expires. Its URL is a
// secret: Presigned prints without it.
type Presigned struct {
	Method    string
	URL       string
	Header    map[string]string // all that is signed, but Host
	ExpiresAt time.Time         // the request must begin before
}

// String returns what is no secret.
func (p Presigned) String() string {
	return fmt.Sprintf("presigned %s until %s", p.Method, p.ExpiresAt.UTC().Format(time.RFC3339))
}

// GoString is String.
func (p Presigned) GoString() string { return p.String() }

// PresignUpload returns a request that stores size bytes as ref if, and only if, they
// hash to it. Of an artifact that is stored already it says so, and there is no request:
// nobody has to send it again.
func (s *Store) PresignUpload(ctx context.Context, ref Ref, size int64, label Label, life time.Duration) (p Presigned, stored bool, err error) {
	sess, objects, key, err := s.open(ctx, ref)
	if err != nil {
		return Presigned{}, false, err
	}
	if stored, err = objects.Exists(ctx, key); err != nil || stored {
		s.note(ref.Org, sess, err)
		return Presigned{}, stored, err
	}
	if life, err = endingWith(sess, life); err == nil {
		p, err = objects.PresignPut(ctx, key, ref.Digest, size, label, life)
	}
	s.note(ref.Org, sess, err)
	return p, false, err
}

// PresignDownload returns a request for the content of ref, or fails with ErrNotFound.
func (s *Store) PresignDownload(ctx context.Context, ref Ref, life time.Duration) (Presigned, Info, error) {
	sess, objects, key, err := s.open(ctx, ref)
	if err != nil {
		return Presigned{}, Info{}, err
	}
	info, err := objects.Stat(ctx, key)
	if err != nil {
		return Presigned{}, Info{}, s.explain(ctx, ref.Org, sess, objects, key, err)
	}
	info.Digest = ref.Digest
	var p Presigned
	if life, err = endingWith(sess, life); err == nil {
		p, err = objects.PresignGet(ctx, key, info.FileName, life)
	}
	s.note(ref.Org, sess, err)
	return p, info, err
}

// endingWith shortens the life of a request to that of its session: S3 refuses it after
// either (facts AWS §1.3). In whole seconds, of which S3 wants one at least.
func endingWith(sess session.Session, life time.Duration) (time.Duration, error) {
	life = min(life, time.Until(sess.Credentials.Expires)).Truncate(time.Second)
	if life < time.Second {
		return 0, fmt.Errorf("%w: the session is over", cloud.ErrExpired)
	}
	return life, nil
}

// Verify describes what is stored as ref, after S3 itself has said that it hashes to ref:
// else it is ErrCorrupt. Proven is false where S3 does not know the hash, because the
// artifact came in parts; then a CAS has hashed it on its way.
func (s *Store) Verify(ctx context.Context, ref Ref) (info Info, proven bool, err error) {
	sess, objects, key, err := s.open(ctx, ref)
	if err != nil {
		return Info{}, false, err
	}
	info, sum, err := objects.Checksum(ctx, key)
	switch {
	case err != nil:
		return Info{}, false, s.explain(ctx, ref.Org, sess, objects, key, err)
	case !sum.IsZero() && sum != ref.Digest:
		return Info{}, false, errors.Join(ErrCorrupt, digest.ErrMismatch)
	}
	info.Digest = ref.Digest
	return info, !sum.IsZero(), nil
}
