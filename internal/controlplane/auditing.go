package controlplane

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/problem"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// Audit is what the database knows of what was done.
type Audit interface {
	// AuditHead returns the head of a chain.
	AuditHead(ctx context.Context, chain audit.Chain) (audit.Head, error)
	// AuditRecords returns the records that match of those with the numbers from first to
	// last.
	AuditRecords(ctx context.Context, chain audit.Chain, first, last int64, q audit.Query) ([]audit.Record, error)
}

// maxScanned bounds how many records are looked at for one page: with a filter that
// matches none of them, some 20 ms.
const maxScanned = 10_000

// maxFilter bounds what a filter compares with: no field of a record is longer.
const maxFilter = audit.MaxText

type auditing struct {
	managedcasv1.UnimplementedAuditServiceServer
	server *Server
}

// Head returns the head of the caller's chain.
func (a auditing) Head(ctx context.Context, _ *managedcasv1.AuditServiceHeadRequest) (*managedcasv1.AuditServiceHeadResponse, error) {
	chain := audit.Of(actingIn(ctx).ID)
	head, err := a.server.cfg.Store.AuditHead(ctx, chain)
	if err != nil {
		return nil, unavailable(err)
	}
	return &managedcasv1.AuditServiceHeadResponse{Chain: string(chain), Seq: head.Seq, Hash: head.Hash.String()}, nil
}

// List returns a page of the caller's chain.
func (a auditing) List(ctx context.Context, req *managedcasv1.AuditServiceListRequest) (*managedcasv1.AuditServiceListResponse, error) {
	q, err := wantedRecords(req)
	if err != nil {
		return nil, err
	}
	from, err := parsePlace(req)
	if err != nil {
		return nil, err
	}
	chain := audit.Of(actingIn(ctx).ID)
	head, err := a.server.cfg.Store.AuditHead(ctx, chain)
	if err != nil {
		return nil, unavailable(err)
	}
	first, last := window(from, head.Seq, q.Newest)
	resp := &managedcasv1.AuditServiceListResponse{}
	if first > last {
		return resp, nil
	}
	records, err := a.server.cfg.Store.AuditRecords(ctx, chain, first, last, q)
	if err != nil {
		return nil, unavailable(err)
	}
	for _, r := range records {
		resp.Records = append(resp.Records, auditItem(r))
	}
	// What was looked at ends with the last match of a full page, or with the window.
	reached := last
	if q.Newest {
		reached = first
	}
	if len(records) == q.Limit {
		reached = records[len(records)-1].Seq
	}
	if q.Newest && reached > 1 || !q.Newest && reached < head.Seq {
		resp.NextCursor = place(reached).String()
	}
	return resp, nil
}

// window returns the records to be looked at behind from, which is 0 at the beginning.
func window(from place, head int64, newest bool) (first, last int64) {
	if !newest {
		return int64(from) + 1, min(head, int64(from)+maxScanned)
	}
	last = head
	if from > 0 {
		last = min(head, int64(from)-1)
	}
	return max(1, last-maxScanned+1), last
}

func wantedRecords(req *managedcasv1.AuditServiceListRequest) (audit.Query, error) {
	limit, err := pageLimit(req.GetLimit())
	if err != nil {
		return audit.Query{}, err
	}
	for _, text := range []string{req.GetActionPrefix(), req.GetSubject()} {
		if len(text) > maxFilter || strings.ContainsRune(text, 0) {
			return audit.Query{}, problem.New(problem.Invalid, "a filter is too long, or no text", "use at most 255 bytes")
		}
	}
	q := audit.Query{
		Newest: !req.GetOldestFirst(), Limit: limit, ActionPrefix: req.GetActionPrefix(), Subject: req.GetSubject(),
		Outcome: audit.Outcome(req.GetOutcome()),
	}
	switch q.Outcome {
	case "", audit.Done, audit.Denied, audit.Failed:
	default:
		return q, problem.New(problem.Invalid, "that is not an outcome", "use ok, denied or failed")
	}
	if q.Since, err = moment(req.GetSince()); err == nil {
		q.Until, err = moment(req.GetUntil())
	}
	return q, err
}

// moment is a time that databases can write.
func moment(t *timestamppb.Timestamp) (time.Time, error) {
	if t == nil {
		return time.Time{}, nil
	}
	if err := t.CheckValid(); err != nil {
		return time.Time{}, problem.Wrap(err, problem.Invalid, "that is not a time", "use one of the years 1 to 9999")
	}
	return t.AsTime(), nil
}

// place is the number of a record, where a page ended. It names no chain: that comes from
// the caller alone (DESIGN I1).
type place int64

func (p place) String() string {
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, uint64(p)))
}

func parsePlace(req *managedcasv1.AuditServiceListRequest) (place, error) {
	after := req.GetAfterSeq()
	switch {
	case after < 0, after > 0 && (!req.GetOldestFirst() || req.GetCursor() != ""):
		return 0, problem.New(problem.Invalid, "after_seq does not fit here", "use a number of at least 0, with oldest_first, and no cursor")
	case req.GetCursor() == "":
		return place(after), nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(req.GetCursor())
	if err == nil && (len(raw) != 8 || int64(binary.BigEndian.Uint64(raw)) < 1) {
		err = errors.New("it is not a number")
	}
	if err != nil {
		return 0, errCursor(err)
	}
	return place(binary.BigEndian.Uint64(raw)), nil
}

func auditItem(r audit.Record) *managedcasv1.AuditRecord {
	return &managedcasv1.AuditRecord{
		Chain: string(r.Chain), Seq: r.Seq, Id: r.ID.String(), Time: timestamp(r.Time), Action: r.Action, Object: r.Object,
		Outcome: string(r.Outcome), Reason: r.Reason, SubjectKind: string(r.Kind), Subject: r.Subject, RemoteIp: r.RemoteIP,
		UserAgent: r.UserAgent, RequestId: r.RequestID, Details: r.Details, Hash: r.Hash.String(),
	}
}
