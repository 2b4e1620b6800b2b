package direct

import (
	"context"
	"errors"
	"log/slog"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/registry"
)

// found is an artifact that S3 has.
type found struct {
	size  int64
	first bool // nobody had said so before
}

// outstanding settles the upload of ref, or fails with registry.ErrNotFound if nobody is waiting for it.
func (t *Transfers) outstanding(ctx context.Context, ref cas.Ref) (found, error) {
	u, err := t.cfg.Records.DirectUpload(ctx, ref.Org, ref.Digest)
	if err != nil {
		return found{}, unrecorded(err)
	}
	return t.settle(ctx, u)
}

// settle asks S3 for what u was to store, has it recorded, and forgets u. It can be
// repeated after any failure.
func (t *Transfers) settle(ctx context.Context, u registry.DirectUpload) (found, error) {
	ref := cas.Ref{Org: u.Org, Digest: u.Digest}
	info, proven, err := t.cfg.Store.Verify(ctx, ref)
	if err != nil {
		return found{}, err
	}
	// What S3 has not hashed came through the CAS, while the request was out: it was not
	// stored this way. Several clients may have asked for requests; the object says whose came.
	if proven && t.cfg.Recorder != nil {
		err := t.cfg.Recorder.Record(ctx, registry.Artifact{
			Org: u.Org, Digest: u.Digest, Size: info.Size, FileName: string(info.FileName), MediaType: info.MediaType.String(),
			Uploader: info.Uploader, StoredAt: info.StoredAt,
		})
		if err != nil {
			return found{}, unrecorded(err)
		}
	}
	err = t.cfg.Records.RemoveDirectUpload(ctx, u.Org, u.Digest)
	if errors.Is(err, registry.ErrNotFound) {
		return found{size: info.Size}, nil // somebody was faster
	}
	if err != nil {
		return found{}, unrecorded(err)
	}
	t.log(ctx, slog.LevelInfo, "artifact stored", ref,
		slog.Int64("bytes", info.Size), slog.Bool("created", proven), slog.Bool("direct", true), slog.String("uploader", info.Uploader))
	return found{size: info.Size, first: proven}, nil
}
