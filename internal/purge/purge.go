// Package purge deletes the objects of organizations whose retention is over. It is the
// only code that deletes an object, by an identity that can do nothing else, and only in
// an installation that asks for it (docs/deletion.md).
//
// Invariants:
//   - Nothing is deleted before it is recorded that the purge has begun, in the same
//     transaction that finds the organization deleted and its time come. From then on it
//     cannot be brought back, and before each batch that is read again.
//   - Nothing is begun of an organization that has an access point: it lives, and the
//     database that calls it deleted is an old copy.
//   - Whoever stops between any two calls leaves something that the next one finishes:
//     each batch begins with what S3 lists.
//   - A key that is not the organization's is never named in a deletion, whatever S3 lists.
package purge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// Records is the database.
type Records interface {
	// DuePurges returns up to limit organizations whose purge is to begin or to go on.
	DuePurges(ctx context.Context, now time.Time, limit int) ([]org.ID, error)
	// BeginPurge gives an organization to the caller for so long, and ContinuePurge counts
	// and asks for longer. registry.ErrConflict: leave it alone.
	BeginPurge(ctx context.Context, id org.ID, now time.Time, lease time.Duration) error
	ContinuePurge(ctx context.Context, id org.ID, removed registry.Removed, now time.Time, lease time.Duration) error
	LeavePurge(ctx context.Context, id org.ID) error
	// RenewRetention begins the retention anew, unless the purge has begun.
	RenewRetention(ctx context.Context, id org.ID) error
	// FinishPurge records the end and forgets uploads.
	FinishPurge(ctx context.Context, id org.ID, now time.Time) error
	// ForgetArtifacts removes up to limit entries of the catalogue; 0 when none is left.
	ForgetArtifacts(ctx context.Context, id org.ID, limit int) (int, error)
	OpenUploads(ctx context.Context, id org.ID, limit int) ([]registry.Upload, error)
	DeleteUpload(ctx context.Context, u registry.Upload) error
}

// AccessPoints is S3 Control, by the backend's identity.
type AccessPoints interface {
	// AccessPoint is cloud.ErrNotFound when there is none.
	AccessPoint(ctx context.Context, name string) (cloud.AccessPoint, error)
}

// Storage is S3, by the identity that purges.
type Storage interface {
	// Purge returns what an organization has in the bucket.
	Purge(in tenancy.Installation, t tenancy.Tenant) Objects
}

// Objects are those of one organization.
type Objects interface {
	// Versions returns the first versions and delete markers of the organization, at most
	// as many as one Delete takes; none when nothing is left.
	Versions(ctx context.Context) ([]cloud.ObjectVersion, error)
	// Delete deletes versions and returns those that are gone; the error is about the
	// others.
	Delete(ctx context.Context, versions []cloud.ObjectVersion) ([]cloud.ObjectVersion, error)
	// Abort aborts an upload in parts; cloud.ErrNotFound when there is none.
	Abort(ctx context.Context, key, id string) error
}

// Config is what New needs. The first four are required.
type Config struct {
	Installation tenancy.Installation
	Records      Records
	AccessPoints AccessPoints
	Storage      Storage
	// Every is the time between two looks for organizations whose time has come; 0: a
	// minute.
	Every time.Duration
	// Batches is how many batches of up to 1,000 objects are deleted in a second, by this
	// process; 0: one. S3 takes 3,500 deletions a second in a prefix, and slows down those
	// of living organizations too when a bucket grows hot.
	Batches rate.Limit
	Log     *slog.Logger
	Now     func() time.Time // nil: time.Now
}

const (
	// lease is how long an organization is the process's, without a sign of life.
	lease = 2 * time.Minute
	// stepTimeout bounds a batch: well below the lease.
	stepTimeout = time.Minute
	page        = 100
	forget      = 1000 // entries of the catalogue in one transaction
)

// Purger purges. It is safe for concurrent use, also by several processes.
type Purger struct {
	cfg   Config
	pace  *rate.Limiter
	stats struct{ objects, bytes, organizations, failures atomic.Int64 }
}

// New returns a Purger. It makes no request.
func New(cfg Config) *Purger {
	if cfg.Every == 0 {
		cfg.Every = time.Minute
	}
	if cfg.Batches == 0 {
		cfg.Batches = 1
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Purger{cfg: cfg, pace: rate.NewLimiter(cfg.Batches, 1)}
}

// Run purges what is due, now and then, until ctx ends. A failure is logged and counted,
// and tried again.
func (p *Purger) Run(ctx context.Context) error {
	tick := time.NewTicker(p.cfg.Every)
	defer tick.Stop()
	for {
		if err := p.Due(ctx); err != nil && ctx.Err() == nil {
			p.cfg.Log.ErrorContext(ctx, "a purge failed; it will go on", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Due purges the organizations whose time has come. One that fails holds up no other.
func (p *Purger) Due(ctx context.Context) error {
	due, err := p.cfg.Records.DuePurges(ctx, p.cfg.Now(), page)
	if err != nil {
		p.stats.failures.Add(1)
		return err
	}
	var failures []error
	for _, id := range due {
		if ctx.Err() != nil {
			break
		}
		if err := p.organization(ctx, id); err != nil {
			p.stats.failures.Add(1)
			failures = append(failures, fmt.Errorf("purging organization %s: %w", id, err))
		}
	}
	return errors.Join(failures...)
}

func (p *Purger) organization(ctx context.Context, id org.ID) (err error) {
	log := p.cfg.Log.With("org", id)
	if lives, err := p.lives(ctx, id); err != nil {
		return err
	} else if lives {
		log.ErrorContext(ctx, "a deleted organization has an access point, as if it was brought back: nothing of it is deleted, and unless its purge had begun its retention begins anew",
			"fix", "if this database is an older copy, bring it back here too: managedcas organization undelete")
		return p.cfg.Records.RenewRetention(ctx, id)
	}
	err = p.cfg.Records.BeginPurge(ctx, id, p.cfg.Now(), lease)
	if errors.Is(err, registry.ErrConflict) {
		return nil // another process has it, or it was brought back
	}
	if err != nil {
		return err
	}
	log.InfoContext(ctx, "purging the objects of a deleted organization")
	defer func() {
		if err == nil {
			return
		}
		leave, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if left := p.cfg.Records.LeavePurge(leave, id); left != nil && !errors.Is(left, registry.ErrConflict) {
			log.WarnContext(ctx, "an unfinished purge waits for its lease to end", "error", left)
		}
	}()
	t := p.cfg.Installation.Tenant(id)
	objects := p.cfg.Storage.Purge(p.cfg.Installation, t)
	if err := p.uploads(ctx, t, objects); err != nil {
		return err
	}
	for more := true; more; {
		if more, err = p.batch(ctx, t, objects, log); err != nil {
			return err
		}
	}
	for n := forget; n > 0; {
		if n, err = p.cfg.Records.ForgetArtifacts(ctx, id, forget); err != nil {
			return err
		}
	}
	if err := p.cfg.Records.FinishPurge(ctx, id, p.cfg.Now()); err != nil {
		return err
	}
	p.stats.organizations.Add(1)
	log.InfoContext(ctx, "purged: no object of the organization is left")
	return nil
}

// lives reports whether the organization has its access point. Its deletion was recorded
// when it had none: somebody made another since, whom the database does not know of.
func (p *Purger) lives(ctx context.Context, id org.ID) (bool, error) {
	ap, err := p.cfg.AccessPoints.AccessPoint(ctx, p.cfg.Installation.Tenant(id).APName())
	if errors.Is(err, cloud.ErrNotFound) {
		return false, nil
	}
	return err == nil && ap.Bucket == p.cfg.Installation.BucketName, err
}

// uploads aborts the uploads in parts that are recorded. Others, which a stolen session
// may have begun, are for the bucket's lifecycle rule: to list them takes a permission
// that knows no prefix.
func (p *Purger) uploads(ctx context.Context, t tenancy.Tenant, objects Objects) error {
	for {
		open, err := p.cfg.Records.OpenUploads(ctx, t.ID(), page)
		if err != nil {
			return err
		}
		for _, u := range open {
			err := objects.Abort(ctx, t.ObjectKey(u.Digest), u.StorageID)
			if err != nil && !errors.Is(err, cloud.ErrNotFound) {
				return err
			}
			if err := p.count(ctx, t.ID(), registry.Removed{Objects: 1}); err != nil {
				return err
			}
			if err := p.cfg.Records.DeleteUpload(ctx, u); err != nil {
				return err
			}
		}
		if len(open) < page {
			return nil
		}
	}
}

// batch deletes what S3 lists first, and reports whether there was anything.
func (p *Purger) batch(ctx context.Context, t tenancy.Tenant, objects Objects, log *slog.Logger) (more bool, err error) {
	if err := p.pace.Wait(ctx); err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	versions, err := objects.Versions(ctx)
	if err != nil || len(versions) == 0 {
		return false, err
	}
	for _, v := range versions {
		if !strings.HasPrefix(v.Key, t.KeyPrefix()) {
			return false, fmt.Errorf("%w: S3 lists %q, which is not the organization's", cloud.ErrInvalid, v.Key)
		}
	}
	if err := p.count(ctx, t.ID(), registry.Removed{}); err != nil { // may it go on?
		return false, err
	}
	gone, failed := objects.Delete(ctx, versions)
	var removed registry.Removed
	for _, v := range gone {
		removed.Objects++
		removed.Bytes += v.Size
	}
	if err := p.count(ctx, t.ID(), removed); err != nil {
		return false, errors.Join(failed, err)
	}
	log.InfoContext(ctx, "purged a batch", "objects", removed.Objects, "bytes", removed.Bytes, "failed", len(versions)-len(gone))
	if len(gone) > 0 {
		return true, nil // what failed is listed again
	}
	if failed == nil {
		failed = fmt.Errorf("%w: nothing of a batch was deleted", cloud.ErrUnavailable)
	}
	return false, failed
}

// count records what was removed, and fails when the purge may not go on.
func (p *Purger) count(ctx context.Context, id org.ID, removed registry.Removed) error {
	p.stats.objects.Add(removed.Objects)
	p.stats.bytes.Add(removed.Bytes)
	return p.cfg.Records.ContinuePurge(ctx, id, removed, p.cfg.Now(), lease)
}
