package controlplane_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/controlplane"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// seldom gives back nothing while a test runs.
func seldom(burst int) controlplane.Rate {
	return controlplane.Rate{PerSecond: 0.001, Burst: burst}
}

// wantThrottled checks that a call is refused with a time to wait, as people and programs
// read it.
func wantThrottled(t *testing.T, what string, err error) {
	t.Helper()
	s := status.Convert(err)
	var after time.Duration
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			after = info.GetRetryDelay().AsDuration()
		}
	}
	if s.Code() != codes.ResourceExhausted || after <= 0 || !strings.Contains(s.Message(), "wait for") {
		t.Errorf("%s: %v with a delay of %s, want ResourceExhausted and when to try again", what, err, after)
	}
}

func current(p *plane, ctx context.Context) error {
	_, err := p.contexts().Current(ctx, &controlplanev1.ContextServiceCurrentRequest{})
	return err
}

// TestRatePerToken: who calls too often waits, and nobody else does.
func TestRatePerToken(t *testing.T) {
	t.Parallel()
	p := newPlane(t, controlplane.Limits{PerToken: seldom(3)})
	o := p.organization(t, "acme", org.Ready)
	ctx := as(t, p.token(t, o), "")
	for range 3 {
		wantCode(t, "within the burst", current(p, ctx), codes.OK)
	}
	wantThrottled(t, "the fourth", current(p, ctx))
	other, _, err := p.tokens.Issue(t.Context(), auth.NewToken{Organization: o, Name: "other"})
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, "another token of the organization", current(p, as(t, other, "")), codes.OK)
}

// TestRateComesBack: a second later there is one more.
func TestRateComesBack(t *testing.T) {
	t.Parallel()
	p := newPlane(t, controlplane.Limits{PerToken: controlplane.Rate{PerSecond: 1000, Burst: 1}})
	ctx := as(t, p.token(t, p.organization(t, "acme", org.Ready)), "")
	granted, began := 0, time.Now()
	for granted < 20 {
		if err := current(p, ctx); err == nil {
			granted++
		} else if status.Code(err) != codes.ResourceExhausted {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took < 15*time.Millisecond {
		t.Errorf("20 calls of 1000 a second took %s", took)
	}
}

// TestRatePerOrganization: tokens of one organization share its rate; another has its own,
// and so has the operator, whoever's organization is named.
func TestRatePerOrganization(t *testing.T) {
	t.Parallel()
	p := newPlane(t, controlplane.Limits{PerOrganization: seldom(4)})
	acme, globex := p.organization(t, "acme", org.Ready), p.organization(t, "globex", org.Ready)
	token := func(o org.Organization, name string) context.Context {
		text, _, err := p.tokens.Issue(t.Context(), auth.NewToken{Organization: o, Name: name})
		if err != nil {
			t.Fatal(err)
		}
		return as(t, text, "")
	}
	for i := range 4 {
		wantCode(t, "within the burst", current(p, token(acme, fmt.Sprint("t", i))), codes.OK)
	}
	wantThrottled(t, "the fifth token", current(p, token(acme, "t4")))
	wantCode(t, "another organization", current(p, token(globex, "t")), codes.OK)
	operator := p.token(t, org.Organization{})
	for range 5 {
		wantCode(t, "the operator", current(p, as(t, operator, "acme")), codes.OK)
	}
}

// TestRatePerAddress: who shows no token, or tries some, is soon asked to wait; who has been
// seen with a good one from the same address is not.
func TestRatePerAddress(t *testing.T) {
	t.Parallel()
	p := newPlane(t, controlplane.Limits{PerAddress: seldom(5)})
	good := as(t, p.token(t, p.organization(t, "acme", org.Ready)), "")
	wantCode(t, "a good token", current(p, good), codes.OK)
	infoz := func() error {
		_, err := controlplanev1.NewStatusServiceClient(p.conn).Infoz(t.Context(), &controlplanev1.InfozRequest{})
		return err
	}
	for i := range 5 {
		if i%2 == 0 {
			wantCode(t, "no token needed", infoz(), codes.OK)
			continue
		}
		wantCode(t, "a made-up token", current(p, as(t, "made.up.token", "")), codes.Unauthenticated)
	}
	wantThrottled(t, "no token needed, once more", infoz())
	wantThrottled(t, "a made-up token, once more", current(p, as(t, "made.up.token", "")))
	wantThrottled(t, "no token, once more", current(p, t.Context()))
	wantCode(t, "a good token", current(p, good), codes.OK)

	handler := p.server.HTTPHandler(nil)
	get := func(path, from string) *httptest.ResponseRecorder {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil)
		r.RemoteAddr = from
		handler.ServeHTTP(w, r)
		return w
	}
	for i := range 6 {
		// The addresses of one host share what there is, by IPv6 as well.
		w := get("/infoz", fmt.Sprintf("[2001:db8::%d]:%d", i, 1000+i))
		if want := map[bool]int{true: 200, false: 429}[i < 5]; w.Code != want {
			t.Errorf("request %d: HTTP %d, want %d", i, w.Code, want)
		}
		if (w.Code == 429) != (w.Header().Get("Retry-After") != "") {
			t.Errorf("request %d: HTTP %d with Retry-After %q", i, w.Code, w.Header().Get("Retry-After"))
		}
	}
	for path, from := range map[string]string{"/infoz": "[2001:db8:0:1::1]:1", "/healthz": "[2001:db8::1]:1", "/readyz": "[2001:db8::1]:1"} {
		if w := get(path, from); w.Code != 200 {
			t.Errorf("%s from %s: HTTP %d, want 200", path, from, w.Code)
		}
	}
}

// TestRequestSizes: a request of each kind as large as it may be, and one byte larger.
func TestRequestSizes(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	p.organization(t, "acme", org.Ready)
	ctx := as(t, p.token(t, org.Organization{}), "acme")
	create := func(n int) error {
		_, err := p.organizations().Create(ctx, &controlplanev1.OrganizationServiceCreateRequest{Name: strings.Repeat("a", n-3)})
		return err
	}
	wantCode(t, "16 KiB, which is no name", create(16<<10), codes.InvalidArgument)
	wantCode(t, "a byte more", create(16<<10+1), codes.ResourceExhausted)
	missing := func(n int) error {
		_, err := p.artifacts().FindMissing(ctx, &managedcasv1.ArtifactServiceFindMissingRequest{Digests: []string{strings.Repeat("a", n-4)}})
		return err
	}
	wantCode(t, "128 KiB of digests, which are none", missing(128<<10), codes.InvalidArgument)
	wantCode(t, "a byte more", missing(128<<10+1), codes.ResourceExhausted)
}

// TestCallTime: a call that takes too long ends, by the server's clock.
func TestCallTime(t *testing.T) {
	t.Parallel()
	p := newPlane(t, controlplane.Limits{CallTime: time.Nanosecond})
	ctx := as(t, p.token(t, org.Organization{}), "")
	if err := current(p, ctx); status.Code(err) != codes.Unavailable && status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("%v, want an error that says to try again", err)
	}
	q := newPlane(t) // as long as ten seconds
	wantCode(t, "in time", current(q, as(t, q.token(t, org.Organization{}), "")), codes.OK)
}

// TestAPITokensAreBounded: an organization has up to registry.MaxTokens that live; one that is
// taken back makes place.
func TestAPITokensAreBounded(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	o := p.organization(t, "acme", org.Ready)
	ctx := as(t, p.token(t, org.Organization{}), "acme")
	create := func(name string) (*controlplanev1.APITokenServiceCreateResponse, error) {
		return p.apiTokens().Create(ctx, &controlplanev1.APITokenServiceCreateRequest{Name: name})
	}
	p.fillTokens(t, o, registry.MaxTokens-1)
	last, err := create("last")
	wantCode(t, "the last one", err, codes.OK)
	_, err = create("one-more")
	wantCode(t, "one more", err, codes.ResourceExhausted)
	if _, err := p.apiTokens().Revoke(ctx, &controlplanev1.APITokenServiceRevokeRequest{Id: last.GetResult().GetItem().GetId()}); err != nil {
		t.Fatal(err)
	}
	_, err = create("one-more")
	wantCode(t, "after one is taken back", err, codes.OK)
	for filter, want := range map[controlplanev1.APITokenServiceListRequest_StatusFilter]int{
		controlplanev1.APITokenServiceListRequest_STATUS_FILTER_ACTIVE:  registry.MaxTokens,
		controlplanev1.APITokenServiceListRequest_STATUS_FILTER_REVOKED: 1,
		controlplanev1.APITokenServiceListRequest_STATUS_FILTER_ALL:     registry.MaxTokens + 1,
	} {
		list, err := p.apiTokens().List(ctx, &controlplanev1.APITokenServiceListRequest{StatusFilter: filter})
		if err != nil || len(list.GetResult()) != want {
			t.Errorf("%v: %d tokens, %v, want %d", filter, len(list.GetResult()), err, want)
		}
	}
}

// fillTokens gives an organization n tokens.
func (p *plane) fillTokens(t *testing.T, o org.Organization, n int) {
	t.Helper()
	for i := range n {
		if _, _, err := p.tokens.Issue(t.Context(), auth.NewToken{Organization: o, Name: fmt.Sprint("token-", i)}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReservedNamesAreNotGiven: neither to a new organization nor to one that comes back.
func TestReservedNamesAreNotGiven(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	ctx := as(t, p.token(t, org.Organization{}), "")
	_, err := p.organizations().Create(ctx, &controlplanev1.OrganizationServiceCreateRequest{Name: "new"})
	wantCode(t, "a reserved name", err, codes.InvalidArgument)
	_, err = p.admin().Undelete(ctx, &managedcasv1.OrganizationAdminServiceUndeleteRequest{Organization: "gone", Name: "none"})
	wantCode(t, "a reserved name for one that comes back", err, codes.InvalidArgument)
	_, err = p.organizations().Create(ctx, &controlplanev1.OrganizationServiceCreateRequest{Name: "news"})
	wantCode(t, "its neighbour", err, codes.OK)
}

// Where everybody may make organizations, nobody makes all that the Region has room for.
func TestOrganizationsOfAUserAreBounded(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	ann, login := p.user(t, "ann")
	for n := range registry.MaxOwned - 1 {
		p.join(t, ann, p.organization(t, org.Name(fmt.Sprint("a", n)), org.Ready), registry.Owner)
	}
	p.join(t, ann, p.organization(t, "member", org.Ready), registry.Admin) // does not count
	create := func(name string) error {
		_, err := p.organizations().Create(as(t, login, ""), &controlplanev1.OrganizationServiceCreateRequest{Name: name})
		return err
	}
	wantCode(t, "the last one", create("last"), codes.OK)
	wantCode(t, "one more", create("more"), codes.ResourceExhausted)
	if _, err := p.organizations().Delete(as(t, login, ""), &controlplanev1.OrganizationServiceDeleteRequest{Name: "last"}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "one more, while one is being deleted", create("more"), codes.ResourceExhausted)
	if err := p.db.SetInstanceAdmin(t.Context(), ann.ID, true); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "one more of an administrator", create("more"), codes.OK)
}

// TestRatePerAddressOfATokenThatWasGood: that its signature is ours makes a token that is
// revoked no better than one that is made up.
func TestRatePerAddressOfATokenThatWasGood(t *testing.T) {
	t.Parallel()
	p := newPlane(t, controlplane.Limits{PerAddress: seldom(3)})
	o := p.organization(t, "acme", org.Ready)
	text, record, err := p.tokens.Issue(t.Context(), auth.NewToken{Organization: o, Name: "ci"})
	if err != nil {
		t.Fatal(err)
	}
	ctx := as(t, text, "")
	wantCode(t, "while it is good", current(p, ctx), codes.OK)
	if err := p.tokens.Revoke(t.Context(), o.ID, record.ID); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		wantCode(t, "revoked", current(p, ctx), codes.Unauthenticated)
	}
	wantThrottled(t, "revoked, once more", current(p, ctx))
}

// TestStrangersSendNothingLarge: a request that is too large counts as one without a token,
// unless it shows one that was good when it came last.
func TestStrangersSendNothingLarge(t *testing.T) {
	t.Parallel()
	p := newPlane(t, controlplane.Limits{PerAddress: seldom(3)})
	p.organization(t, "acme", org.Ready)
	large := func(ctx context.Context) error {
		_, err := p.organizations().Create(ctx, &controlplanev1.OrganizationServiceCreateRequest{Name: strings.Repeat("a", 17<<10)})
		return err
	}
	good := as(t, p.token(t, org.Organization{}), "acme")
	wantCode(t, "a good token", current(p, good), codes.OK)
	for range 5 {
		if err := large(good); reason(err) != "CONTENT_TOO_LARGE" {
			t.Errorf("a good token: %v", err)
		}
	}
	for range 3 {
		if err := large(t.Context()); reason(err) != "CONTENT_TOO_LARGE" {
			t.Errorf("no token: %v", err)
		}
	}
	wantThrottled(t, "no token, once more", large(t.Context()))
}
