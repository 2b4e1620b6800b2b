package purge

import (
	"context"
	"errors"
	"log/slog"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// lives reports whether the organization has its access point. Its deletion was recorded
// when it had none: somebody made another since, whom the database does not know of.
func (p *Purger) lives(ctx context.Context, id org.ID) (bool, error) {
	ap, err := p.cfg.AccessPoints.AccessPoint(ctx, p.cfg.Installation.Tenant(id).APName())
	if errors.Is(err, cloud.ErrNotFound) {
		return false, nil
	}
	return err == nil && ap.Bucket == p.cfg.Installation.BucketName, err
}

// keep has the objects of one that lives kept for another retention; not of one that was
// brought back after it was found due.
func (p *Purger) keep(ctx context.Context, id org.ID, log *slog.Logger) error {
	err := p.cfg.Records.RenewRetention(ctx, id)
	if errors.Is(err, registry.ErrNotDeleted) {
		return nil
	}
	if err == nil {
		log.ErrorContext(ctx, "a deleted organization has an access point, as if it was brought back: nothing of it is deleted, and unless its purge had begun its retention begins anew",
			"fix", "if this database is an older copy, bring it back here too: managedcas organization undelete")
	}
	return err
}
