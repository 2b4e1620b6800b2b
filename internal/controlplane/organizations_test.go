package controlplane_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/managedcas/managedcas/internal/jobs"
	"github.com/managedcas/managedcas/internal/org"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// nextJob does one job of the reconciler, and says for whom.
func (p *plane) nextJob(t *testing.T) org.ID {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	var got org.ID
	err := jobs.NewWorkers(p.db.Queue(), p.db, slog.New(slog.DiscardHandler)).Work(ctx, 1, func(_ context.Context, id org.ID) error {
		got = id
		stop()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestCreateQueuesProvisioning(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	ctx := as(t, p.token(t, org.Organization{}), "")
	resp, err := p.organizations().Create(ctx, &controlplanev1.OrganizationServiceCreateRequest{Name: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	item := resp.GetResult()
	if item.GetName() != "acme" || item.GetCreatedAt() == nil {
		t.Errorf("%v", item)
	}
	queue, err := p.db.OrganizationsToReconcile(t.Context(), org.ID{}, 10, org.Pending)
	if err != nil || len(queue) != 1 || queue[0].ID.String() != item.GetId() {
		t.Fatalf("queue %v, %v", queue, err)
	}
	if id := p.nextJob(t); id != queue[0].ID {
		t.Errorf("the reconciler was told of %v", id)
	}

	_, err = p.organizations().Create(ctx, &controlplanev1.OrganizationServiceCreateRequest{Name: "acme"})
	wantCode(t, "the same name again", err, codes.AlreadyExists)
	for _, name := range []string{"", "Acme", "acme.", "-acme", strings.Repeat("a", 64), "acmé"} {
		_, err = p.organizations().Create(ctx, &controlplanev1.OrganizationServiceCreateRequest{Name: name})
		wantCode(t, fmt.Sprintf("name %q", name), err, codes.InvalidArgument)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	acme := p.organization(t, "acme", org.Ready)
	token, admin := p.token(t, acme), as(t, p.token(t, org.Organization{}), "")
	for range 2 {
		if _, err := p.organizations().Delete(admin, &controlplanev1.OrganizationServiceDeleteRequest{Name: "acme"}); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := p.db.OrganizationByID(t.Context(), acme.ID); err != nil || got.State != org.Deleting {
		t.Errorf("%+v, %v", got, err)
	}
	_, err := p.credentials().Get(as(t, token, ""), &controlplanev1.CASCredentialsServiceGetRequest{Role: 2})
	wantCode(t, "CAS token while deleting", err, codes.FailedPrecondition)
	_, err = p.apiTokens().Create(as(t, p.token(t, org.Organization{}), "acme"), &controlplanev1.APITokenServiceCreateRequest{Name: "late"})
	wantCode(t, "API token while deleting", err, codes.FailedPrecondition)
	p.move(t, acme, org.Deleted, "")
	_, err = p.contexts().Current(as(t, token, ""), nil)
	wantCode(t, "token of a deleted organization", err, codes.Unauthenticated)
}

// TestMembershipsAnswerTokens: the stock client reads org and user unchecked.
func TestMembershipsAnswerTokens(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	var want []string
	for i := range 203 { // more than two pages of the store
		name := fmt.Sprintf("org-%03d", i)
		p.organization(t, org.Name(name), org.Pending)
		want = append(want, name)
	}
	acme := p.organization(t, "acme", org.Ready)
	for _, tc := range []struct {
		token, names string
		want         []string
	}{
		{p.token(t, acme), "", []string{"acme"}},
		{p.token(t, org.Organization{}), "acme", append([]string{"acme"}, want...)},
	} {
		resp, err := p.users().ListMemberships(as(t, tc.token, tc.names), nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range resp.GetResult() {
			if m.GetOrg() == nil || m.GetUser() == nil || m.GetId() == "" || m.GetRole() == 0 {
				t.Errorf("incomplete: %v", m)
			}
			if m.GetCurrent() != (m.GetOrg().GetName() == "acme") {
				t.Errorf("current: %v", m)
			}
			got = append(got, m.GetOrg().GetName())
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("organizations (-want +got):\n%s", diff)
		}
	}
	// Who holds a token is no member.
	resp, err := p.organizations().ListMemberships(as(t, p.token(t, acme), ""), nil)
	if err != nil || len(resp.GetResult()) != 0 || resp.GetPagination().GetPage() != 1 {
		t.Errorf("%v, %v", resp, err)
	}
}

func TestCurrent(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	acme := p.organization(t, "acme", org.Ready)
	own, instance := p.token(t, acme), p.token(t, org.Organization{})
	for _, tc := range []struct {
		what, token, names  string
		membership, backend bool
	}{
		{"own token", own, "", false, true},
		{"own token that names its organization", own, "acme", true, true},
		{"instance token", instance, "", false, false},
		{"instance token that names acme", instance, "acme", true, true},
	} {
		resp, err := p.contexts().Current(as(t, tc.token, tc.names), nil)
		if err != nil {
			t.Fatal(err)
		}
		r := resp.GetResult()
		if r.GetCurrentUser().GetEmail() != "API-token@chainloop" || r.GetCurrentUser().GetInstanceAdmin() != (tc.token == instance) {
			t.Errorf("%s: user %v", tc.what, r.GetCurrentUser())
		}
		if (r.GetCurrentMembership() != nil) != tc.membership || tc.membership && r.GetCurrentMembership().GetOrg().GetName() != "acme" {
			t.Errorf("%s: membership %v", tc.what, r.GetCurrentMembership())
		}
		if (r.GetCurrentCasBackend() != nil) != tc.backend {
			t.Errorf("%s: backend %v", tc.what, r.GetCurrentCasBackend())
		}
	}
}

func TestAdminPages(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	for i := range 5 {
		p.organization(t, org.Name(fmt.Sprintf("org-%d", i)), org.Pending)
	}
	ctx := as(t, p.token(t, org.Organization{}), "")
	var got []string
	req := &managedcasv1.OrganizationAdminServiceListRequest{Limit: 2}
	for pages := 0; ; pages++ {
		resp, err := p.admin().List(ctx, req)
		if err != nil || pages > 3 {
			t.Fatal(pages, err)
		}
		for _, o := range resp.GetOrganizations() {
			got = append(got, o.GetName())
		}
		if req.Cursor = resp.GetNextCursor(); req.Cursor == "" {
			break
		}
	}
	if diff := cmp.Diff([]string{"org-0", "org-1", "org-2", "org-3", "org-4"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, req := range []*managedcasv1.OrganizationAdminServiceListRequest{{Limit: -1}, {Limit: 101}, {Cursor: "%"}, {Cursor: "AA"}, {Cursor: "_w"}} {
		_, err := p.admin().List(ctx, req)
		wantCode(t, req.String(), err, codes.InvalidArgument)
	}
}

// reason returns the ErrorInfo reason of err.
func reason(err error) string {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}

func TestAPITokens(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	acme := p.organization(t, "acme", org.Ready)
	instance := p.token(t, org.Organization{})
	ctx := as(t, instance, "acme")
	created, err := p.apiTokens().Create(ctx, &controlplanev1.APITokenServiceCreateRequest{Name: "ci"})
	if err != nil {
		t.Fatal(err)
	}
	text, item := created.GetResult().GetJwt(), created.GetResult().GetItem()
	if item.GetOrganizationId() != acme.ID.String() || item.GetOrganizationName() != "acme" {
		t.Errorf("%v", item)
	}
	if resp, err := p.users().ListMemberships(as(t, text, ""), nil); err != nil || len(resp.GetResult()) != 1 {
		t.Errorf("the new token: %v, %v", resp, err)
	}
	_, err = p.apiTokens().Create(ctx, &controlplanev1.APITokenServiceCreateRequest{Name: "ci"})
	wantCode(t, "same name", err, codes.AlreadyExists)
	_, err = p.apiTokens().Revoke(as(t, instance, ""), &controlplanev1.APITokenServiceRevokeRequest{Id: item.GetId()})
	wantCode(t, "revoke as instance token what is acme's", err, codes.NotFound)
	if _, err := p.apiTokens().Revoke(ctx, &controlplanev1.APITokenServiceRevokeRequest{Id: item.GetId()}); err != nil {
		t.Fatal(err)
	}
	_, err = p.users().ListMemberships(as(t, text, ""), nil)
	wantCode(t, "revoked token", err, codes.Unauthenticated)
	for _, tc := range []struct {
		req  *controlplanev1.APITokenServiceListRequest
		want int
	}{
		{&controlplanev1.APITokenServiceListRequest{}, 0},
		{&controlplanev1.APITokenServiceListRequest{IncludeRevoked: true}, 1},
		{&controlplanev1.APITokenServiceListRequest{StatusFilter: controlplanev1.APITokenServiceListRequest_STATUS_FILTER_REVOKED}, 1},
		{&controlplanev1.APITokenServiceListRequest{StatusFilter: controlplanev1.APITokenServiceListRequest_STATUS_FILTER_ALL}, 1},
		{&controlplanev1.APITokenServiceListRequest{IncludeRevoked: true, Scope: controlplanev1.APITokenServiceListRequest_SCOPE_GLOBAL}, 1},
		{&controlplanev1.APITokenServiceListRequest{IncludeRevoked: true, Scope: controlplanev1.APITokenServiceListRequest_SCOPE_PROJECT}, 0},
		{&controlplanev1.APITokenServiceListRequest{IncludeRevoked: true, Project: &controlplanev1.IdentityReference{}}, 0},
	} {
		if resp, err := p.apiTokens().List(ctx, tc.req); err != nil || len(resp.GetResult()) != tc.want {
			t.Errorf("list %v: %v, %v", tc.req, resp, err)
		}
	}
	if strings.Contains(p.log.String(), text) || strings.Contains(p.log.String(), instance) {
		t.Error("a token is in the log")
	}
}
