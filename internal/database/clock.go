package database

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
)

// Now is the time by the one clock that all processes on this database share: PostgreSQL's.
// A SQLite file is on the machine of its processes. What is deleted when its time has come
// is timed by it: of replicas, one may have a clock that is wrong by months.
func (db *DB) Now(ctx context.Context) (time.Time, error) {
	now, err := clockIn(ctx, db.read)
	if err != nil {
		return time.Time{}, fmt.Errorf("ask the database for the time: %w", classify(err))
	}
	return now, nil
}

func clockIn(ctx context.Context, in bun.IDB) (now time.Time, err error) {
	if in.Dialect().Name() != dialect.PG {
		return instant(time.Now()), nil
	}
	err = in.NewSelect().ColumnExpr("now()").Scan(ctx, &now)
	return instant(now), err
}
