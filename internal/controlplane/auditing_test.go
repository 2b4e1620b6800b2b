package controlplane_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/org"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

func (p *plane) bearer(t *testing.T, text, organization string) context.Context {
	t.Helper()
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+text, "user-agent", "agent")
	if organization != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "chainloop-organization", organization)
	}
	return ctx
}

// pages follows the cursors of a List.
func pages(t *testing.T, ctx context.Context, p *plane, req *managedcasv1.AuditServiceListRequest) (seqs []int64, calls int) {
	t.Helper()
	for {
		answer, err := managedcasv1.NewAuditServiceClient(p.conn).List(ctx, req)
		if err != nil {
			t.Fatal(err)
		}
		calls++
		for _, r := range answer.GetRecords() {
			seqs = append(seqs, r.GetSeq())
		}
		if req.Cursor = answer.GetNextCursor(); req.GetCursor() == "" {
			return seqs, calls
		}
		req.AfterSeq = 0
	}
}

// Whoever follows the cursors sees every record that matches, once and in order; of a
// chain that no other one mixes into, and without looking at all of it in one call.
func TestAuditPages(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	acme, globex := p.organization(t, "acme", org.Pending), p.organization(t, "globex", org.Pending)
	const n = 10_500 // a window, and some
	for at := 0; at < n; {
		var batch []audit.Event
		for ; len(batch) < 500; at++ {
			e := audit.Event{Chain: audit.Of(acme.ID), Time: time.Now(), Action: "test.usual"}
			if at == 0 || at == n-1 {
				e.Action = "test.rare"
			}
			batch = append(batch, audit.New(e))
		}
		if err := p.db.AppendAudit(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	text, _, err := p.tokens.Issue(t.Context(), auth.NewToken{Name: "admin"})
	if err != nil {
		t.Fatal(err)
	}
	ctx := p.bearer(t, text, "acme")
	rare := func(oldest bool) *managedcasv1.AuditServiceListRequest {
		return &managedcasv1.AuditServiceListRequest{ActionPrefix: "test.rare", OldestFirst: oldest}
	}
	if seqs, calls := pages(t, ctx, p, rare(true)); !slices.Equal(seqs, []int64{2, n + 1}) || calls != 2 {
		t.Errorf("%v in %d calls", seqs, calls)
	}
	if seqs, calls := pages(t, ctx, p, rare(false)); !slices.Equal(seqs, []int64{n + 1, 2}) || calls != 2 {
		t.Errorf("%v in %d calls", seqs, calls)
	}
	if seqs, _ := pages(t, ctx, p, &managedcasv1.AuditServiceListRequest{OldestFirst: true, AfterSeq: n - 250, Limit: 7}); len(seqs) != 251 || seqs[0] != n-249 || !slices.IsSorted(seqs) {
		t.Errorf("%d records from %d", len(seqs), seqs[0])
	}
	if seqs, _ := pages(t, p.bearer(t, text, "globex"), p, &managedcasv1.AuditServiceListRequest{}); len(seqs) != 1 {
		t.Errorf("globex has %v", seqs)
	}
	head, err := managedcasv1.NewAuditServiceClient(p.conn).Head(p.bearer(t, text, "globex"), &managedcasv1.AuditServiceHeadRequest{})
	if err != nil || head.GetChain() != globex.ID.String() || head.GetSeq() != 1 {
		t.Errorf("%v, %v", head, err)
	}
	for name, bad := range map[string]*managedcasv1.AuditServiceListRequest{
		"limit": {Limit: 101}, "cursor": {Cursor: "x"}, "zero": {Cursor: "AAAAAAAAAAA"}, "after": {AfterSeq: 1}, "negative": {AfterSeq: -1, OldestFirst: true},
		"outcome": {Outcome: "fine"}, "subject": {Subject: strings.Repeat("x", 256)}, "NUL": {ActionPrefix: "a\x00"},
	} {
		if _, err := managedcasv1.NewAuditServiceClient(p.conn).List(ctx, bad); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// refusals waits until a chain has n records of calls that were refused, and returns them.
func (p *plane) refusals(t *testing.T, of audit.Chain, n int) []audit.Record {
	t.Helper()
	look, patience := time.NewTicker(5*time.Millisecond), time.After(2*time.Minute)
	defer look.Stop()
	for {
		found, err := p.db.AuditRecords(t.Context(), of, 1, 1000, audit.Query{ActionPrefix: audit.Call, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		if len(found) >= n {
			return found
		}
		select {
		case <-look.C:
		case <-patience:
			t.Fatalf("%s has %d refusals, want %d: %+v", of, len(found), n, found)
		}
	}
}

// What is refused is recorded where it belongs: with the organization whose token it was,
// or, of strangers, with the installation; and never with the one that was named in vain.
func TestRefusalsAreAudited(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	acme, globex := p.organization(t, "acme", org.Ready), p.organization(t, "globex", org.Ready)
	text, record, err := p.tokens.Issue(t.Context(), auth.NewToken{Organization: acme, Name: "ci"})
	if err != nil {
		t.Fatal(err)
	}
	orgs := controlplanev1.NewOrganizationServiceClient(p.conn)
	call := func(ctx context.Context) {
		t.Helper()
		if _, err := orgs.Create(ctx, &controlplanev1.OrganizationServiceCreateRequest{Name: "mine"}); err == nil {
			t.Error("it was let in")
		}
	}
	call(p.bearer(t, text, ""))
	call(p.bearer(t, text, "globex"))
	if err := p.db.RevokeToken(t.Context(), record.ID, time.Now()); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		call(p.bearer(t, text, ""))
		call(p.bearer(t, "stolen", ""))
	}
	own := p.refusals(t, audit.Of(acme.ID), 3)
	for i, reason := range []string{"PERMISSION_DENIED", "USER_NOT_MEMBER_OF_ORG_ERROR_NOT_IN_ORG", "UNAUTHENTICATED"} {
		r := own[i]
		if r.Reason != reason || r.Subject != "ci/"+record.ID.String() || r.Kind != audit.OrganizationToken || r.Outcome != audit.Denied || r.RequestID == "" {
			t.Errorf("%d is %+v", i, r)
		}
	}
	if own[1].Details["organization"] != "globex" {
		t.Errorf("%+v", own[1])
	}
	strangers := p.refusals(t, audit.Installation, 1)
	if strangers[0].Kind != audit.Unknown || strangers[0].Subject != "" {
		t.Errorf("%+v", strangers[0])
	}
	if strings.Contains(fmt.Sprintf("%+v%+v", own, strangers), text) || strings.Contains(fmt.Sprintf("%+v", strangers), "stolen") {
		t.Error("a record has the text of a token")
	}
	if got := p.refusals(t, audit.Of(globex.ID), 0); len(got) != 0 {
		t.Errorf("globex has %+v", got)
	}
}
