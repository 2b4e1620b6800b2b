// Package cas stores artifacts under the sha256 of their bytes, for one organization
// at a time.
//
// Invariants:
//   - Nothing is stored under a digest that it does not hash to (DESIGN I3), and what
//     is stored never changes (I4).
//   - No reader gets a complete artifact whose hash is wrong (I5).
//   - A transfer holds a few parts in memory, whatever the artifact's size, and all
//     transfers together a fixed amount (I6).
package cas

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/session"
)

// UnknownLength is the length of a body that does not say it, as on the ByteStream wire.
const UnknownLength = digest.UnknownLength

// Store keeps the artifacts of all organizations of an installation. It is safe for
// concurrent use.
type Store struct {
	cfg    Config
	memory *memory
	// heldMax is the largest part that is held in memory.
	heldMax int64
	writers writers
	sweeps  sweeps
}

// New returns a Store on cfg. What it refuses, it calls by the key of the configuration.
func New(cfg Config) (*Store, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	return &Store{
		cfg: cfg, memory: newMemory(cfg.Memory), heldMax: cfg.PartSize << growths,
		writers: writers{seats: map[uuid.UUID]*seat{}},
	}, nil
}

// MaxSize is the largest artifact that this store takes, in bytes: S3's largest object. One
// that does not announce its length has less: its parts are held, and the first are small.
func (s *Store) MaxSize() int64 { return maxObject }

// Put stores body as the artifact ref and reports whether it is new; the same content
// again is a success that changes nothing. length is the number of bytes that body
// must have, or UnknownLength. Unless every byte of body was read and hashed to
// ref.Digest, nothing is stored: the error then wraps digest.ErrMismatch,
// digest.ErrLength, ErrTooLarge, or the error of body.
func (s *Store) Put(ctx context.Context, ref Ref, length int64, body io.Reader, label Label) (created bool, err error) {
	return s.upload(ctx, ref, length, body, label, false)
}

// Offer is Put for a client that can be answered before it has sent everything: of an
// artifact that is there already, it may leave body unread and unverified.
func (s *Store) Offer(ctx context.Context, ref Ref, length int64, body io.Reader, label Label) (created bool, err error) {
	return s.upload(ctx, ref, length, body, label, true)
}

// Stat describes the artifact ref, or fails with ErrNotFound.
func (s *Store) Stat(ctx context.Context, ref Ref) (Info, error) {
	sess, objects, key, err := s.open(ctx, ref)
	if err != nil {
		return Info{}, err
	}
	info, err := objects.Stat(ctx, key)
	if err != nil {
		return Info{}, s.explain(ctx, ref.Org, sess, objects, key, err)
	}
	info.Digest = ref.Digest
	return info, nil
}

// Exists reports whether the organization has the artifact ref.
func (s *Store) Exists(ctx context.Context, ref Ref) (bool, error) {
	sess, objects, key, err := s.open(ctx, ref)
	if err != nil {
		return false, err
	}
	exists, err := objects.Exists(ctx, key)
	s.note(ref.Org, sess, err)
	return exists, blamed(sess, err)
}

func (s *Store) open(ctx context.Context, ref Ref) (session.Session, Objects, string, error) {
	sess, err := s.lend(ctx, ref.Org, ref.Backend)
	if err != nil {
		return session.Session{}, nil, "", err
	}
	return sess, s.cfg.Open(sess), sess.Tenant.ObjectKey(ref.Digest), nil
}

// explain tells a missing object from a forbidden one. S3 answers 403 for both to a
// session that may not list the bucket (facts AWS §7.6); listing exactly this key,
// which the session may, decides.
func (s *Store) explain(ctx context.Context, id org.ID, sess session.Session, objects Objects, key string, cause error) error {
	if errors.Is(cause, cloud.ErrDenied) {
		exists, err := objects.Exists(ctx, key)
		switch {
		case err != nil:
			cause = errors.Join(cause, err)
		case !exists:
			return ErrNotFound
		}
	}
	if errors.Is(cause, cloud.ErrNotFound) {
		return ErrNotFound
	}
	s.note(id, sess, cause)
	return blamed(sess, cause)
}

// note drops a session that AWS no longer accepts, so that the next request of the
// organization starts with a fresh one.
func (s *Store) note(id org.ID, sess session.Session, err error) {
	if errors.Is(err, cloud.ErrDenied) || errors.Is(err, cloud.ErrExpired) {
		s.drop(id, sess)
	}
}

// blamed says of what an organization's own bucket refuses that it is the organization's to
// repair: of the managed storage it is the operator's.
func blamed(sess session.Session, err error) error {
	if sess.Backend != uuid.Nil && (errors.Is(err, cloud.ErrDenied) || errors.Is(err, cloud.ErrKeyUnusable)) {
		return fmt.Errorf("%w: %w", session.ErrBackend, err)
	}
	return err
}

func (s *Store) lend(ctx context.Context, id org.ID, backend uuid.UUID) (session.Session, error) {
	switch {
	case backend == uuid.Nil:
		return s.cfg.Sessions.For(ctx, id)
	case s.cfg.Own == nil:
		return session.Session{}, session.ErrNoBackend
	}
	return s.cfg.Own.For(ctx, id, backend)
}

func (s *Store) drop(id org.ID, sess session.Session) {
	if sess.Backend == uuid.Nil {
		s.cfg.Sessions.Drop(id, sess.Credentials)
		return
	}
	s.cfg.Own.Drop(id, sess.Backend, sess.Credentials)
}

// undecided holds for failures that do not tell whether the key is taken now: another
// writer was at it, or the answer was lost on its way and a retry found the upload
// gone.
func undecided(err error) bool {
	return errors.Is(err, cloud.ErrConflict) || errors.Is(err, cloud.ErrUnavailable) || errors.Is(err, cloud.ErrNotFound)
}
