package client

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/problem"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// AuditQuery says which records are wanted.
type AuditQuery struct {
	audit.Query       // its limit is of all pages together; 0: all
	After       int64 // records behind this number, in the order of the chain
}

// pageRecords is the most that one call returns.
const pageRecords = 100

// Audit hands the records that match to each, and returns how far it looked: the number
// of the last record, when they come in the order of the chain.
func (c *Client) Audit(ctx context.Context, q AuditQuery, each func(audit.Record) error) (last int64, err error) {
	service := managedcasv1.NewAuditServiceClient(c.controlPlane)
	req := &managedcasv1.AuditServiceListRequest{
		OldestFirst: !q.Newest, AfterSeq: q.After, ActionPrefix: q.ActionPrefix, Subject: q.Subject, Outcome: string(q.Outcome),
		Since: wireTime(q.Since), Until: wireTime(q.Until),
	}
	last = q.After
	for left := q.Limit; ; {
		req.Limit = pageRecords
		if q.Limit > 0 {
			req.Limit = int32(min(pageRecords, left))
		}
		answer, err := service.List(c.call(ctx), req)
		if err != nil {
			return last, failed(err)
		}
		for _, item := range answer.GetRecords() {
			record, err := recordOf(item)
			if err != nil {
				return last, err
			}
			if err := each(record); err != nil {
				return last, err
			}
			last = record.Seq
		}
		left -= len(answer.GetRecords())
		switch next := answer.GetNextCursor(); {
		case next == "" || q.Limit > 0 && left <= 0:
			return last, nil
		case next == req.GetCursor(): // it would go on for ever
			return last, problem.New(problem.Internal, "the server repeats a page", "upgrade the server")
		default:
			req.Cursor, req.AfterSeq = next, 0
		}
	}
}

// AuditHead returns the chain that Audit reads, and its last record.
func (c *Client) AuditHead(ctx context.Context) (audit.Chain, audit.Head, error) {
	answer, err := managedcasv1.NewAuditServiceClient(c.controlPlane).Head(c.call(ctx), &managedcasv1.AuditServiceHeadRequest{})
	if err != nil {
		return "", audit.Head{}, failed(err)
	}
	head := audit.Head{Seq: answer.GetSeq()}
	if err := head.Hash.UnmarshalText([]byte(answer.GetHash())); err != nil {
		return "", audit.Head{}, noRecord(err)
	}
	return audit.Chain(answer.GetChain()), head, nil
}

func recordOf(item *managedcasv1.AuditRecord) (audit.Record, error) {
	record := audit.Record{Seq: item.GetSeq(), Event: audit.Event{
		Chain: audit.Chain(item.GetChain()), Time: item.GetTime().AsTime(), Action: item.GetAction(), Object: item.GetObject(),
		Outcome: audit.Outcome(item.GetOutcome()), Reason: item.GetReason(), Details: item.GetDetails(),
		Origin: audit.Origin{
			Kind: audit.Kind(item.GetSubjectKind()), Subject: item.GetSubject(), RemoteIP: item.GetRemoteIp(),
			UserAgent: item.GetUserAgent(), RequestID: item.GetRequestId(),
		},
	}}
	var err error
	if record.ID, err = uuid.Parse(item.GetId()); err != nil {
		return record, noRecord(err)
	}
	if err := record.Hash.UnmarshalText([]byte(item.GetHash())); err != nil {
		return record, noRecord(fmt.Errorf("record %d: %w", record.Seq, err))
	}
	return record, nil
}

func noRecord(err error) error {
	return problem.Wrap(err, problem.Internal, "the server answered with something that is no audit record", "is this the address of a control plane?")
}

func wireTime(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
