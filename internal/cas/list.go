package cas

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
)

// Lister lists objects.
type Lister interface {
	// List returns a page of the objects whose keys begin with prefix and come after the key
	// after, in the order of their keys, and whether there are more.
	List(ctx context.Context, prefix, after string) (page []ListedObject, more bool, err error)
}

// ListedObject is what a list says of an object.
type ListedObject struct {
	Key      string
	Size     int64
	StoredAt time.Time
}

// Page is a part of the list of an organization's artifacts.
type Page struct {
	Artifacts []Info // digest, size and time; a list says no more
	Foreign   int    // objects that are no artifacts: nothing of ours made them
	Next      string // where the next page begins; empty on the last one
}

// List returns a page of what an organization has stored, in the order of the digests: at
// most 1,000 objects, from the one after Next of the page before. It is for operators:
// clients are answered from the catalogue. It is of the managed storage: a bucket of its
// own is the organization's to list.
func (s *Store) List(ctx context.Context, id org.ID, after string) (Page, error) {
	lease, err := s.lease(ctx, id, uuid.Nil)
	if err != nil {
		return Page{}, err
	}
	prefix := lease.session.Tenant.KeyPrefix()
	var listed []ListedObject
	var more bool
	err = lease.do(ctx, func(o Objects) (err error) {
		listed, more, err = o.List(ctx, prefix, after)
		return err
	})
	if err != nil {
		sess, _ := lease.current()
		s.note(id, sess, err)
		return Page{}, err
	}
	canary := digest.Of(lease.session.Tenant.Canary()) // the probes' own, nobody's artifact
	var page Page
	for _, o := range listed {
		d, err := digest.Parse(strings.TrimPrefix(o.Key, prefix))
		if err != nil {
			page.Foreign++
			continue
		}
		if d == canary {
			continue
		}
		page.Artifacts = append(page.Artifacts, Info{Digest: d, Size: o.Size, StoredAt: o.StoredAt})
	}
	if more && len(listed) > 0 {
		page.Next = listed[len(listed)-1].Key
	}
	return page, nil
}
