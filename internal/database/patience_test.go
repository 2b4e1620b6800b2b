package database

import (
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/database/databasetest"
)

// A writer waits for those of other processes as long as a statement may take on PostgreSQL:
// with 5 seconds, one of two processes that wrote all the time on a busy machine gave up.
func TestWritersWaitForOtherProcesses(t *testing.T) {
	t.Parallel()
	db := openTarget(t, databasetest.Target(t, "sqlite"))
	for name, pool := range map[string]*bun.DB{"write": db.write.DB, "relaxed": db.relaxed, "read": db.read} {
		var got int64
		if err := pool.NewRaw("PRAGMA busy_timeout").Scan(t.Context(), &got); err != nil || got != (30*time.Second).Milliseconds() {
			t.Errorf("%s: %d ms, %v; want 30 s", name, got, err)
		}
	}
}
