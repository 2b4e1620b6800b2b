package catalogue

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/registry"
)

// describeTime bounds the look at one object.
const describeTime = 10 * time.Second

// confirm sees to it that duplicates have entries. One that has none, because a server was
// killed between S3 and the database, gets it from its object, with the words of whoever
// uploaded it first. An object that cannot be described now is left to a rebuild: it must
// not keep those behind it waiting.
func (c *Catalogue) confirm(ctx context.Context, refs []cas.Ref) error {
	digests := map[cas.Ref][]digest.Digest{} // by organization and backend
	for _, ref := range refs {
		where := cas.Ref{Org: ref.Org, Backend: ref.Backend}
		digests[where] = append(digests[where], ref.Digest)
	}
	for where, all := range digests {
		missing, err := c.cfg.Entries.MisplacedArtifacts(ctx, where.Org, where.Backend, all)
		if err != nil {
			return fmt.Errorf("looking %d duplicates up: %w", len(all), err)
		}
		for _, d := range missing {
			if ctx.Err() != nil {
				return ctx.Err() // the others have their turn in the next attempt
			}
			c.restore(context.WithoutCancel(ctx), cas.Ref{Org: where.Org, Backend: where.Backend, Digest: d})
		}
	}
	return nil
}

func (c *Catalogue) restore(ctx context.Context, ref cas.Ref) {
	ctx, cancel := context.WithTimeout(ctx, describeTime)
	defer cancel()
	info, err := c.cfg.Objects.Stat(ctx, ref)
	if err != nil {
		c.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "a duplicate cannot be described", slog.Any("error", err))
		c.dropped(ctx, ref, "its object cannot be described")
		return
	}
	if !c.entries.Push(entry{of(ref, info), make(chan struct{})}) {
		c.dropped(ctx, ref, "too many entries wait for the database")
		return
	}
	c.stats.restored.Add(1)
}

// of is the entry of an object.
func of(ref cas.Ref, info cas.Info) registry.Artifact {
	return registry.Artifact{
		Org: ref.Org, Backend: ref.Backend, Digest: info.Digest, Size: info.Size, FileName: string(info.FileName),
		MediaType: info.MediaType.String(), Uploader: info.Uploader, StoredAt: info.StoredAt,
	}
}
