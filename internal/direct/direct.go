// Package direct has bytes flow between clients and S3 themselves: it hands out signed
// requests, and finds out what became of them.
//
// Invariants:
//   - A request stores one artifact, of one organization, and nothing else: S3 refuses
//     other bytes, for the sha256 that it compares is signed (DESIGN I3).
//   - Whoever gets one could have had the same transfer through the CAS.
//   - What was stored this way is recorded only after S3 itself has said so.
package direct

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// Store signs requests and asks S3 what it has.
type Store interface {
	PresignUpload(ctx context.Context, ref cas.Ref, size int64, label cas.Label, life time.Duration) (p cas.Presigned, stored bool, err error)
	PresignDownload(ctx context.Context, ref cas.Ref, life time.Duration) (cas.Presigned, cas.Info, error)
	// Stat describes what is stored as ref.
	Stat(ctx context.Context, ref cas.Ref) (cas.Info, error)
	// Verify fails with cas.ErrNotFound, or with cas.ErrCorrupt if what is there is not
	// what its address says. Proven is false where S3 does not know.
	Verify(ctx context.Context, ref cas.Ref) (info cas.Info, proven bool, err error)
}

// Records keeps the uploads of which nobody has said yet that they are done. What is not
// there is registry.ErrNotFound.
type Records interface {
	// AddDirectUpload replaces the record of the same digest. It fails with
	// registry.ErrTooMany if the organization has most of others.
	AddDirectUpload(ctx context.Context, u registry.DirectUpload, most int) error
	DirectUpload(ctx context.Context, id org.ID, d digest.Digest) (registry.DirectUpload, error)
	RemoveDirectUpload(ctx context.Context, id org.ID, d digest.Digest) error
	DueDirectUploads(ctx context.Context, now time.Time, most int) ([]registry.DirectUpload, error)
	// PostponeDirectUpload succeeds for one of those who hold the same record.
	PostponeDirectUpload(ctx context.Context, u registry.DirectUpload, lookAt time.Time) error
}

// Recorder is told of everything that was stored this way, at least once.
type Recorder interface {
	Record(ctx context.Context, a registry.Artifact) error
}

// Config is what New needs.
type Config struct {
	Store    Store
	Records  Records
	Recorder Recorder // nil: nobody wants to know
	Mode     Mode
	// MaxBytes is the largest artifact of any organization.
	MaxBytes int64
	// MaxPut is the largest that goes directly; 0: 5 GiB, which is the most in one request.
	MaxPut int64
	// Outstanding is how many uploads of an organization may be unconfirmed.
	Outstanding int
	// Longest is how long after its request expired an upload may still arrive.
	Longest time.Duration
	Log     *slog.Logger
}

const (
	// Life is how long a client has to begin its request. One that began goes on after
	// that: S3 looks at the time once
	// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html).
	Life = 5 * time.Minute
	// maxPut is the most that S3 takes in one request, and therefore the most of which it
	// compares the sha256 (facts AWS §7.1, §7.3).
	maxPut = 5 << 30
)

// Transfers hands out requests. It is safe for concurrent use.
type Transfers struct{ cfg Config }

// New returns Transfers on cfg.
func New(cfg Config) (*Transfers, error) {
	if cfg.MaxPut == 0 {
		cfg.MaxPut = maxPut
	}
	switch {
	case cfg.MaxPut < 0 || cfg.MaxPut > maxPut:
		return nil, fmt.Errorf("direct uploads of %d bytes: want 1 to %d", cfg.MaxPut, int64(maxPut))
	case cfg.Outstanding < 1:
		return nil, fmt.Errorf("%d unconfirmed uploads of an organization: want 1 at least", cfg.Outstanding)
	case cfg.Longest < 0:
		return nil, fmt.Errorf("the longest upload takes %s: want 0 at least", cfg.Longest)
	}
	return &Transfers{cfg}, nil
}

// Upload is what a client says of an artifact that it wants to store.
type Upload struct {
	Digest    digest.Digest
	Size      int64
	FileName  string
	MediaType string
}

// Upload returns a request that stores an artifact. Stored says that it is there already,
// and there is no request. IfRecommended refuses unless the operator recommends it.
func (t *Transfers) Upload(ctx context.Context, grant cas.Grant, u Upload, ifRecommended bool) (p cas.Presigned, stored bool, err error) {
	if err := t.cfg.Mode.check(ifRecommended); err != nil {
		return cas.Presigned{}, false, err
	}
	ref, limit, err := grant.Upload(u.Digest, t.cfg.MaxBytes)
	if err != nil {
		return cas.Presigned{}, false, err
	}
	if ref.Backend != uuid.Nil {
		return cas.Presigned{}, false, errOwnBucket
	}
	label, err := t.sound(u, limit)
	if err != nil {
		return cas.Presigned{}, false, err
	}
	label.Uploader = grant.Subject
	p, stored, err = t.cfg.Store.PresignUpload(ctx, ref, u.Size, label, Life)
	if err != nil {
		return cas.Presigned{}, false, err
	}
	if stored {
		// Perhaps by a client that was gone before it could say so.
		_, err := t.outstanding(ctx, ref)
		return cas.Presigned{}, true, ignoreGone(err)
	}
	record := registry.DirectUpload{
		Org: ref.Org, Digest: ref.Digest, Size: u.Size, FileName: string(label.FileName), MediaType: label.MediaType.String(),
		Uploader: grant.Subject, IssuedAt: time.Now(), ExpiresAt: p.ExpiresAt, LookAt: p.ExpiresAt.Add(grace),
	}
	// Before the client can use the request: what it stores is found, whatever happens now.
	if err := t.cfg.Records.AddDirectUpload(ctx, record, t.cfg.Outstanding); err != nil {
		return cas.Presigned{}, false, t.refused(err)
	}
	t.log(ctx, slog.LevelInfo, "direct upload signed", ref,
		slog.Int64("bytes", u.Size), slog.String("token", grant.TokenID), slog.String("uploader", grant.Subject), slog.Time("expires", p.ExpiresAt))
	return p, false, nil
}

// sound refuses uploads that cannot or must not be.
func (t *Transfers) sound(u Upload, limit int64) (cas.Label, error) {
	switch {
	case u.Size < 0:
		return cas.Label{}, errSize
	case u.Size > limit:
		return cas.Label{}, fmt.Errorf("%w: %d bytes, %d are allowed", cas.ErrTooLarge, u.Size, limit)
	case u.Size > t.cfg.MaxPut:
		return cas.Label{}, errParts(t.cfg.MaxPut)
	}
	media, err := cas.ParseMediaType(u.MediaType)
	if err != nil {
		return cas.Label{}, err
	}
	name, err := cas.ParseFileName(u.FileName)
	return cas.Label{FileName: name, MediaType: media}, err
}

// Download returns a request for an artifact, and what it is.
func (t *Transfers) Download(ctx context.Context, grant cas.Grant, d digest.Digest, ifRecommended bool) (cas.Presigned, cas.Info, error) {
	if err := t.cfg.Mode.check(ifRecommended); err != nil {
		return cas.Presigned{}, cas.Info{}, err
	}
	ref, err := grant.Download(d)
	if err != nil {
		return cas.Presigned{}, cas.Info{}, err
	}
	if ref.Backend != uuid.Nil {
		return cas.Presigned{}, cas.Info{}, errOwnBucket
	}
	p, info, err := t.cfg.Store.PresignDownload(ctx, ref, Life)
	if err != nil {
		return cas.Presigned{}, cas.Info{}, err
	}
	t.log(ctx, slog.LevelInfo, "direct download signed", ref,
		slog.Int64("bytes", info.Size), slog.String("token", grant.TokenID), slog.Time("expires", p.ExpiresAt))
	return p, info, nil
}

// Confirm asks S3 whether an upload is done, and reports whether this is the first to
// find it so.
func (t *Transfers) Confirm(ctx context.Context, grant cas.Grant, d digest.Digest) (size int64, created bool, err error) {
	if t.cfg.Mode == Off {
		return 0, false, errOff
	}
	ref, _, err := grant.Upload(d, t.cfg.MaxBytes)
	if err != nil {
		return 0, false, err
	}
	if ref.Backend != uuid.Nil {
		return 0, false, errOwnBucket
	}
	found, err := t.outstanding(ctx, ref)
	if errors.Is(err, registry.ErrNotFound) {
		// Another process was faster, or the client asks twice.
		info, err := t.cfg.Store.Stat(ctx, ref)
		return info.Size, false, err
	}
	if errors.Is(err, cas.ErrNotFound) {
		err = errNotArrived(err)
	}
	return found.size, found.first, err
}

func (t *Transfers) log(ctx context.Context, level slog.Level, message string, ref cas.Ref, more ...slog.Attr) {
	t.cfg.Log.LogAttrs(ctx, level, message,
		append([]slog.Attr{slog.String("org", ref.Org.String()), slog.String("digest", ref.Digest.String())}, more...)...)
}
