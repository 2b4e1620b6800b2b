package database

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/registry"
)

// AuditHead returns the head of a chain: Begin of one that has no records.
func (db *DB) AuditHead(ctx context.Context, chain audit.Chain) (audit.Head, error) {
	var row chainRow
	err := classify(db.read.NewSelect().Model(&row).Where("chain = ?", string(chain)).Scan(ctx))
	switch {
	case errors.Is(err, registry.ErrNotFound):
		return audit.Begin(chain), nil
	case err != nil:
		return audit.Head{}, fmt.Errorf("read the head of the audit chain %s: %w", chain, err)
	}
	return row.head()
}

// AuditChains returns up to limit of the chains that have records, in the order of their
// names, from the first after the given one. A chain is found by its records or by its
// head: who removes one of them hides nothing.
func (db *DB) AuditChains(ctx context.Context, after audit.Chain, limit int) ([]audit.Chain, error) {
	// From each to the next by the indexes: there are far more records than chains.
	const next = `(SELECT MIN(chain) FROM (SELECT MIN(chain) AS chain FROM audit_chains WHERE chain > %[1]s
		UNION ALL SELECT MIN(chain) FROM audit_records WHERE chain > %[1]s) AS each_table)`
	query := "WITH RECURSIVE found (chain, n) AS (SELECT " + fmt.Sprintf(next, "?0") + ", 1 UNION ALL SELECT " + fmt.Sprintf(next, "found.chain") +
		", n + 1 FROM found WHERE found.chain IS NOT NULL AND n < ?1) SELECT chain FROM found WHERE chain IS NOT NULL ORDER BY n"
	var chains []audit.Chain
	if err := db.read.NewRaw(query, string(after), limit).Scan(ctx, &chains); err != nil {
		return nil, fmt.Errorf("list audit chains: %w", classify(err))
	}
	return chains, nil
}

// AuditRecords returns the records of a chain that match, of those with the numbers from
// first to last, both included: in their order, or the latest first. Nothing else of the
// chain is looked at, which bounds what a rare match costs.
func (db *DB) AuditRecords(ctx context.Context, chain audit.Chain, first, last int64, q audit.Query) ([]audit.Record, error) {
	var rows []auditRow
	query := db.read.NewSelect().Model(&rows).Where("chain = ? AND seq >= ? AND seq <= ?", string(chain), first, last).Limit(int64(q.Limit))
	if q.Newest {
		query = query.Order("seq DESC")
	} else {
		query = query.Order("seq")
	}
	if err := matching(query, q).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read audit records of %s: %w", chain, classify(err))
	}
	records := make([]audit.Record, len(rows))
	for i, r := range rows {
		records[i] = r.record()
	}
	return records, nil
}

func matching(query *bun.SelectQuery, q audit.Query) *bun.SelectQuery {
	if q.ActionPrefix != "" {
		query = query.Where("substr(action, 1, ?) = ?", utf8.RuneCountInString(q.ActionPrefix), q.ActionPrefix)
	}
	if q.Subject != "" {
		name := q.Subject + "/"
		query = query.Where("(subject = ? OR substr(subject, 1, ?) = ?)", q.Subject, utf8.RuneCountInString(name), name)
	}
	if q.Outcome != "" {
		query = query.Where("outcome = ?", string(q.Outcome))
	}
	if !q.Since.IsZero() {
		query = query.Where("happened_at >= ?", instant(q.Since))
	}
	if !q.Until.IsZero() {
		query = query.Where("happened_at < ?", instant(q.Until))
	}
	return query
}
