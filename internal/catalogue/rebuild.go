package catalogue

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// Listing is Objects that can be listed as well.
type Listing interface {
	Objects
	// List returns a page of what the organization has stored; see cas.Store.
	List(ctx context.Context, id org.ID, after string) (cas.Page, error)
}

// Rebuilder puts entries back that the catalogue lacks, from the objects themselves. It
// may run beside servers, again, and after having been killed.
type Rebuilder struct {
	Entries Entries
	Objects Listing
	// Plan: only count what is missing.
	Plan bool
	// Progress is told after each page how far it is; may be nil.
	Progress func(Tally)
}

// Tally says what a rebuild of one organization found and did.
type Tally struct {
	Stored  int `json:"stored"`  // artifacts in S3
	Missing int `json:"missing"` // of them, in the catalogue
	Added   int `json:"added"`   // of those, to it
	Foreign int `json:"foreign"` // objects that are no artifacts, which are left alone
}

// describing is how many objects are described at a time.
const describing = 8

// Rebuild does it for one organization, through its own session.
func (r Rebuilder) Rebuild(ctx context.Context, id org.ID) (Tally, error) {
	var tally Tally
	for after, more := "", true; more; {
		page, err := r.Objects.List(ctx, id, after)
		if err != nil {
			return tally, fmt.Errorf("listing objects: %w", err)
		}
		digests := make([]digest.Digest, len(page.Artifacts))
		for i, info := range page.Artifacts {
			digests[i] = info.Digest
		}
		missing, err := r.Entries.MissingArtifacts(ctx, id, digests)
		if err != nil {
			return tally, err
		}
		tally.Stored += len(digests)
		tally.Foreign += page.Foreign
		tally.Missing += len(missing)
		if !r.Plan {
			added, err := r.add(ctx, id, missing)
			if err != nil {
				return tally, err
			}
			tally.Added += added
		}
		if r.Progress != nil {
			r.Progress(tally)
		}
		after, more = page.Next, page.Next != ""
	}
	return tally, nil
}

// add describes objects, for a list does not say their labels, and adds their entries.
func (r Rebuilder) add(ctx context.Context, id org.ID, missing []digest.Digest) (int, error) {
	found := make([]*registry.Artifact, len(missing))
	group, describe := errgroup.WithContext(ctx)
	group.SetLimit(describing)
	for i, d := range missing {
		group.Go(func() error {
			info, err := r.Objects.Stat(describe, cas.Ref{Org: id, Digest: d})
			if errors.Is(err, cas.ErrNotFound) {
				return nil // an administrator removed it meanwhile
			}
			if err != nil {
				return fmt.Errorf("describing %s: %w", d, err)
			}
			a := of(cas.Ref{Org: id}, info)
			found[i] = &a
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	added := 0
	var batch []registry.Artifact
	for i, a := range found {
		if a != nil {
			batch = append(batch, *a)
		}
		if len(batch) == maxBatch || i == len(found)-1 {
			if err := r.Entries.AddArtifacts(ctx, batch); err != nil {
				return added, err
			}
			added += len(batch)
			batch = batch[:0]
		}
	}
	return added, nil
}
