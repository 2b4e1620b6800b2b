package cas

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/session"
)

// sessionAge is the least that AWS lets a session live (facts AWS §4): one that ends sooner
// has not expired, and another one would end as it did.
const sessionAge = 15 * time.Minute

// lease is the session that an upload runs with. A session lives for an hour and the
// base role's can end at any time: an upload that AWS answers so goes on with a fresh
// session, at most once in sessionAge. It is safe for concurrent use.
type lease struct {
	store   *Store
	org     org.ID
	backend uuid.UUID

	mu      sync.Mutex
	session session.Session
	objects Objects
	renewed time.Time
}

func (s *Store) lease(ctx context.Context, id org.ID, backend uuid.UUID) (*lease, error) {
	sess, err := s.lend(ctx, id, backend)
	if err != nil {
		return nil, err
	}
	return &lease{store: s, org: id, backend: backend, session: sess, objects: s.cfg.Open(sess)}, nil
}

func (l *lease) current() (session.Session, Objects) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.session, l.objects
}

// do makes a call, and makes it again with a fresh session if the old one had expired.
// A call that cannot be repeated says so.
func (l *lease) do(ctx context.Context, call func(Objects) error) error {
	sess, objects := l.current()
	err := call(objects)
	if !errors.Is(err, cloud.ErrExpired) || errors.Is(err, errSpent) {
		return err
	}
	objects, renewErr := l.renew(ctx, sess)
	if renewErr != nil {
		return errors.Join(err, renewErr)
	}
	if objects == nil {
		return err
	}
	return call(objects)
}

// renew replaces the session used, unless another part already has; nil if there was
// a replacement a short while ago.
func (l *lease) renew(ctx context.Context, used session.Session) (Objects, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.session.Credentials.AccessKeyID != used.Credentials.AccessKeyID {
		return l.objects, nil
	}
	l.store.drop(l.org, used)
	now := l.store.cfg.Now()
	if !l.renewed.IsZero() && now.Sub(l.renewed) < sessionAge {
		return nil, nil
	}
	l.renewed = now
	fresh, err := l.store.lend(ctx, l.org, l.backend)
	if err != nil {
		return nil, err
	}
	l.session, l.objects = fresh, l.store.cfg.Open(fresh)
	return l.objects, nil
}
