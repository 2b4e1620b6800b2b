package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/purge"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// purgeEvery is the time between two looks for organizations whose retention is over.
const purgeEvery = time.Minute

// purger deletes objects, or, where the installation has no purge role, nothing.
type purger struct {
	*purge.Purger
	enabled bool
}

func newPurger(aws *awscloud.Cloud, in tenancy.Installation, db *database.DB, every time.Duration, log *slog.Logger) purger {
	return purger{purge.New(purge.Config{
		Installation: in, Records: db, AccessPoints: aws, Storage: aws, Every: every, Log: log.With("part", "backend"),
	}), in.Purges()}
}

// Run purges until ctx ends.
func (p purger) Run(ctx context.Context) error {
	if !p.enabled {
		<-ctx.Done()
		return nil
	}
	return p.Purger.Run(ctx)
}
