package secretstore

import (
	"context"
	"fmt"
	"time"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// timeout bounds one operation, retries and logins included. A request for an
// organization without a session waits for it.
const timeout = 10 * time.Second

// driver keeps one document per organization. Whatever it reads from a network is
// bounded. Errors say whose turn it is: registry.ErrUnavailable or a transient one of
// package cloud when the store gets over it by itself.
type driver interface {
	// put stores the document in place of the one that was there. It is durable when
	// the call returns.
	put(ctx context.Context, id org.ID, document []byte) error
	// get returns registry.ErrNotFound when there is none.
	get(ctx context.Context, id org.ID) ([]byte, error)
	// delete leaves nothing behind. Deleting what is not there succeeds.
	delete(ctx context.Context, id org.ID) error
}

// Store keeps the coordinates of organizations with one of the drivers. It is safe for
// concurrent use.
type Store struct {
	driver  driver
	timeout time.Duration
}

func newStore(d driver) *Store { return &Store{driver: d, timeout: timeout} }

// PutCoordinates stores the coordinates of an organization in place of older ones;
// ErrMalformed when they are anything but the ARNs of one account.
func (s *Store) PutCoordinates(ctx context.Context, id org.ID, c tenancy.Coordinates) error {
	return s.within(ctx, "put", id, func(ctx context.Context) error {
		document, err := encode(c)
		if err != nil {
			return err
		}
		return s.driver.put(ctx, id, document)
	})
}

// Coordinates returns the coordinates of an organization: registry.ErrNotFound when
// there are none yet, ErrMalformed when they were tampered with.
func (s *Store) Coordinates(ctx context.Context, id org.ID) (c tenancy.Coordinates, err error) {
	err = s.within(ctx, "read", id, func(ctx context.Context) error {
		document, err := s.driver.get(ctx, id)
		if err != nil {
			return err
		}
		c, err = decode(document)
		return err
	})
	if err != nil {
		return tenancy.Coordinates{}, err
	}
	return c, nil
}

// DeleteCoordinates forgets an organization. Forgetting it twice succeeds.
func (s *Store) DeleteCoordinates(ctx context.Context, id org.ID) error {
	return s.within(ctx, "delete", id, func(ctx context.Context) error { return s.driver.delete(ctx, id) })
}

// within runs an operation for as long as the caller and the store's own patience
// allow. The end of the latter is an outage of the store, not the caller's deadline.
func (s *Store) within(ctx context.Context, what string, id org.ID, operation func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	err := operation(limited)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case limited.Err() != nil:
		err = fmt.Errorf("%w within %s: %v", registry.ErrUnavailable, s.timeout, err)
	}
	return fmt.Errorf("%s coordinates of %s: %w", what, id, err)
}
