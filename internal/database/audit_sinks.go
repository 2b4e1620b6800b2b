package database

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/registry"
)

type cursorRow struct {
	bun.BaseModel `bun:"table:audit_cursors"`

	Sink  string `bun:",pk"`
	Chain string `bun:",pk"`
	Seq   int64
}

type sinkRow struct {
	bun.BaseModel `bun:"table:audit_sinks"`

	Sink        string `bun:",pk"`
	Holder      string
	LeasedUntil time.Time
}

// LeaseSink reports whether holder is the one that tells a sink, from now for so long: it
// is already, or nobody else is. The time is the database's.
func (db *DB) LeaseSink(ctx context.Context, sink, holder string, lease time.Duration) (bool, error) {
	mine := false
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		now, err := clockIn(ctx, tx)
		if err != nil {
			return err
		}
		row := sinkRow{Sink: sink, Holder: holder, LeasedUntil: instant(now.Add(lease))}
		result, err := tx.NewInsert().Model(&row).On("CONFLICT (sink) DO UPDATE").
			Set("holder = EXCLUDED.holder").Set("leased_until = EXCLUDED.leased_until").
			Where("?TableAlias.holder = ? OR ?TableAlias.leased_until <= ?", holder, now).Exec(ctx)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		mine = n == 1
		return err
	})
	if err != nil {
		return false, fmt.Errorf("lease the audit sink %s: %w", sink, classify(err))
	}
	return mine, nil
}

// LeaveSink lets another process tell a sink at once.
func (db *DB) LeaveSink(ctx context.Context, sink, holder string) error {
	_, err := db.write.NewDelete().Model((*sinkRow)(nil)).Where("sink = ? AND holder = ?", sink, holder).Exec(ctx)
	if err != nil {
		return fmt.Errorf("leave the audit sink %s: %w", sink, classify(err))
	}
	return nil
}

// UntoldChains returns up to limit chains that have records which a sink was not told of,
// and the number of the last that it was, in the order of their names.
func (db *DB) UntoldChains(ctx context.Context, sink string, after audit.Chain, limit int) ([]audit.Untold, error) {
	var rows []struct {
		Chain     string
		Told, Seq int64
	}
	err := db.read.NewRaw(`SELECT c.chain, COALESCE(k.seq, 0) AS told, c.seq FROM audit_chains c
		LEFT JOIN audit_cursors k ON k.chain = c.chain AND k.sink = ?
		WHERE c.chain > ? AND c.seq > COALESCE(k.seq, 0) ORDER BY c.chain LIMIT ?`, sink, string(after), limit).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("look for what the audit sink %s was not told: %w", sink, classify(err))
	}
	untold := make([]audit.Untold, len(rows))
	for i, r := range rows {
		untold[i] = audit.Untold{Chain: audit.Chain(r.Chain), Told: r.Told, Last: r.Seq}
	}
	return untold, nil
}

// SinkLag returns how many records a sink was not told of, in all.
func (db *DB) SinkLag(ctx context.Context, sink string) (int64, error) {
	var lag int64
	err := db.read.NewRaw(`SELECT COALESCE(SUM(c.seq - COALESCE(k.seq, 0)), 0) FROM audit_chains c
		LEFT JOIN audit_cursors k ON k.chain = c.chain AND k.sink = ?`, sink).Scan(ctx, &lag)
	if err != nil {
		return 0, fmt.Errorf("count what the audit sink %s was not told: %w", sink, classify(err))
	}
	return lag, nil
}

// SinkTold records how far a sink was told of chains, by holder: registry.ErrConflict when
// that is another process by now, which tells it again.
func (db *DB) SinkTold(ctx context.Context, sink, holder string, told map[audit.Chain]int64) error {
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		mine, err := tx.NewSelect().Model((*sinkRow)(nil)).Where("sink = ? AND holder = ?", sink, holder).Exists(ctx)
		if err != nil {
			return err
		}
		if !mine {
			return registry.ErrConflict
		}
		rows := make([]cursorRow, 0, len(told))
		for chain, seq := range told {
			rows = append(rows, cursorRow{Sink: sink, Chain: string(chain), Seq: seq})
		}
		_, err = tx.NewInsert().Model(&rows).On("CONFLICT (sink, chain) DO UPDATE").
			Set("seq = EXCLUDED.seq").Where("?TableAlias.seq < EXCLUDED.seq").Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("record what the audit sink %s was told: %w", sink, classify(err))
	}
	return nil
}
