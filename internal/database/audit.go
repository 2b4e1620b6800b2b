package database

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/org"
)

type auditRow struct {
	bun.BaseModel `bun:"table:audit_records"`

	Chain       string `bun:",pk"`
	Seq         int64  `bun:",pk"`
	ID          string
	HappenedAt  time.Time
	Action      string
	Object      string
	Outcome     string
	Reason      string
	SubjectKind string
	Subject     string
	RemoteIP    string `bun:"remote_ip"`
	UserAgent   string
	RequestID   string
	Details     string
	Hash        string
}

type chainRow struct {
	bun.BaseModel `bun:"table:audit_chains"`

	Chain string `bun:",pk"`
	Seq   int64
	Hash  string
}

func (r chainRow) head() (audit.Head, error) {
	head := audit.Head{Seq: r.Seq}
	if err := head.Hash.UnmarshalText([]byte(r.Hash)); err != nil {
		return audit.Head{}, fmt.Errorf("read the head of the audit chain %s: %w", r.Chain, err)
	}
	return head, nil
}

func rowOfRecord(r audit.Record) (auditRow, error) {
	details, err := json.Marshal(r.Details) // in the order of the names
	if err != nil {
		return auditRow{}, fmt.Errorf("write audit record: %w", err)
	}
	return auditRow{
		Chain: string(r.Chain), Seq: r.Seq, ID: r.ID.String(), HappenedAt: instant(r.Time), Action: r.Action, Object: r.Object,
		Outcome: string(r.Outcome), Reason: r.Reason, SubjectKind: string(r.Kind), Subject: r.Subject, RemoteIP: r.RemoteIP,
		UserAgent: r.UserAgent, RequestID: r.RequestID, Details: string(details), Hash: r.Hash.String(),
	}, nil
}

// record returns what the row says. A row that cannot be read was tampered with: it is
// returned as far as it goes, and no hash agrees with it.
func (r auditRow) record() audit.Record {
	record := audit.Record{Seq: r.Seq, Event: audit.Event{
		Chain: audit.Chain(r.Chain), Time: r.HappenedAt.UTC(), Action: r.Action, Object: r.Object,
		Outcome: audit.Outcome(r.Outcome), Reason: r.Reason,
		Origin: audit.Origin{Kind: audit.Kind(r.SubjectKind), Subject: r.Subject, RemoteIP: r.RemoteIP, UserAgent: r.UserAgent, RequestID: r.RequestID},
	}}
	id, err := uuid.Parse(r.ID)
	if err == nil {
		err = json.Unmarshal([]byte(r.Details), &record.Details)
	}
	if err == nil {
		err = record.Hash.UnmarshalText([]byte(r.Hash))
	}
	record.ID = id
	if err != nil {
		record.Hash = audit.Hash{}
	}
	return record
}

// auditIn appends what happened to an organization (the zero ID: to the installation) in
// the transaction that makes it so: what cannot be recorded does not happen. Who did it
// is what ctx says (audit.WithOrigin). An event of an organization's life is recorded in
// the installation's chain as well, where it is found when the organization is gone.
func auditIn(ctx context.Context, tx bun.Tx, id org.ID, e audit.Event) error {
	e.Chain, e.Origin = audit.Of(id), audit.OriginFrom(ctx)
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	events := []audit.Event{audit.New(e)}
	if e.OfLife() && !id.IsZero() {
		e.Chain = audit.Installation
		events = append(events, audit.New(e))
	}
	return appendAudit(ctx, tx, events)
}

// AppendAudit appends events to their chains, in their order, all or none. Those that are
// there already are left out: an answer may have been lost. It may run in many processes:
// those who append to the same chain wait for each other.
func (db *DB) AppendAudit(ctx context.Context, events []audit.Event) error {
	if len(events) == 0 {
		return nil
	}
	// The lock is the row of the chain, and what is read under it is current: on PostgreSQL
	// this needs no serializable transaction, of which all but one would have to try again.
	err := db.write.DB.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		fresh, err := unwritten(ctx, tx, events)
		if err != nil {
			return err
		}
		return appendAudit(ctx, tx, fresh)
	})
	if err != nil {
		return fmt.Errorf("append %d audit records: %w", len(events), classify(err))
	}
	return nil
}

func unwritten(ctx context.Context, tx bun.Tx, events []audit.Event) ([]audit.Event, error) {
	ids := make([]string, len(events))
	for i, e := range events {
		ids[i] = e.ID.String()
	}
	var found []string
	if err := tx.NewSelect().Model((*auditRow)(nil)).Column("id").Where("id IN (?)", bun.List(ids)).Scan(ctx, &found); err != nil {
		return nil, err
	}
	written := make(map[string]bool, len(found))
	for _, id := range found {
		written[id] = true
	}
	var fresh []audit.Event
	for i, e := range events {
		if !written[ids[i]] {
			written[ids[i]] = true
			fresh = append(fresh, e)
		}
	}
	return fresh, nil
}

// appendAudit locks chains in one order everywhere: two transactions that share some would
// wait for each other for ever.
func appendAudit(ctx context.Context, tx bun.Tx, events []audit.Event) error {
	sorted := slices.Clone(events)
	slices.SortStableFunc(sorted, func(a, b audit.Event) int { return cmp.Compare(a.Chain, b.Chain) })
	for len(sorted) > 0 {
		chain := sorted[0].Chain
		n := slices.IndexFunc(sorted, func(e audit.Event) bool { return e.Chain != chain })
		if n < 0 {
			n = len(sorted)
		}
		if err := appendToChain(ctx, tx, chain, sorted[:n]); err != nil {
			return err
		}
		sorted = sorted[n:]
	}
	return nil
}

func appendToChain(ctx context.Context, tx bun.Tx, chain audit.Chain, events []audit.Event) error {
	begin := chainRow{Chain: string(chain), Hash: audit.Begin(chain).Hash.String()}
	var last chainRow
	// Changing nothing is what locks the row, on both engines.
	err := tx.NewRaw("INSERT INTO audit_chains (chain, seq, hash) VALUES (?, 0, ?) ON CONFLICT (chain) DO UPDATE SET hash = audit_chains.hash RETURNING chain, seq, hash",
		begin.Chain, begin.Hash).Scan(ctx, &last)
	if err != nil {
		return err
	}
	head, err := last.head()
	if err != nil {
		return err
	}
	rows := make([]auditRow, len(events))
	for i, e := range events {
		record := audit.Append(head, e)
		if rows[i], err = rowOfRecord(record); err != nil {
			return err
		}
		head = record.Head()
	}
	if _, err := tx.NewInsert().Model(&rows).Exec(ctx); err != nil {
		return err
	}
	_, err = tx.NewUpdate().Model((*chainRow)(nil)).Set("seq = ?", head.Seq).Set("hash = ?", head.Hash.String()).Where("chain = ?", string(chain)).Exec(ctx)
	return err
}
