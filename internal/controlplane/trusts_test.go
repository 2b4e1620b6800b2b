package controlplane_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

func (p *plane) trusts() managedcasv1.TrustServiceClient {
	return managedcasv1.NewTrustServiceClient(p.conn)
}

// trust is one that is accepted, changed.
func trust(change func(*managedcasv1.Trust)) *managedcasv1.TrustServiceCreateRequest {
	t := &managedcasv1.Trust{Name: "app", Issuer: "https://gitlab.com", Audience: "cas.example.com:443", Subjects: []string{"project_path:acme/app:**"}}
	if change != nil {
		change(t)
	}
	return &managedcasv1.TrustServiceCreateRequest{Trust: t}
}

// many returns n different claims.
func many(n int) map[string]string {
	claims := map[string]string{}
	for i := range n {
		claims[fmt.Sprint("c", i)] = "x"
	}
	return claims
}

func TestTrustLimits(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	p.organization(t, "acme", org.Ready)
	token := p.token(t, org.Organization{})
	long := func(n int) string { return "project_path:acme/" + strings.Repeat("x", n-len("project_path:acme/")) }
	n := 0
	for what, tc := range map[string]struct {
		change func(*managedcasv1.Trust)
		want   codes.Code
	}{
		"as it is":                {nil, codes.OK},
		"no name":                 {func(t *managedcasv1.Trust) { t.Name = "" }, codes.InvalidArgument},
		"GitHub":                  {func(t *managedcasv1.Trust) { t.Issuer = "https://token.actions.githubusercontent.com" }, codes.OK},
		"another issuer":          {func(t *managedcasv1.Trust) { t.Issuer = "https://evil.example" }, codes.InvalidArgument},
		"an issuer with a slash":  {func(t *managedcasv1.Trust) { t.Issuer = "https://gitlab.com/" }, codes.InvalidArgument},
		"no audience":             {func(t *managedcasv1.Trust) { t.Audience = "" }, codes.InvalidArgument},
		"the longest audience":    {func(t *managedcasv1.Trust) { t.Audience = strings.Repeat("x", 255) }, codes.OK},
		"a longer one":            {func(t *managedcasv1.Trust) { t.Audience = strings.Repeat("x", 256) }, codes.InvalidArgument},
		"no subject":              {func(t *managedcasv1.Trust) { t.Subjects = nil }, codes.InvalidArgument},
		"twenty subjects":         {func(t *managedcasv1.Trust) { t.Subjects = strings.Split(strings.Repeat("a/*,", 19)+"a/*", ",") }, codes.OK},
		"one more":                {func(t *managedcasv1.Trust) { t.Subjects = strings.Split(strings.Repeat("a/*,", 20)+"a/*", ",") }, codes.InvalidArgument},
		"everybody":               {func(t *managedcasv1.Trust) { t.Subjects = []string{"*"} }, codes.InvalidArgument},
		"everybody's app":         {func(t *managedcasv1.Trust) { t.Subjects = []string{"project_path:*/app:**"} }, codes.InvalidArgument},
		"one of two is everybody": {func(t *managedcasv1.Trust) { t.Subjects = append(t.Subjects, "**") }, codes.InvalidArgument},
		"four wildcards":          {func(t *managedcasv1.Trust) { t.Subjects = []string{"a/*:*:*:**"} }, codes.OK},
		"five":                    {func(t *managedcasv1.Trust) { t.Subjects = []string{"a/*:*:*:*:*"} }, codes.InvalidArgument},
		"the longest subject":     {func(t *managedcasv1.Trust) { t.Subjects = []string{long(255)} }, codes.OK},
		"a longer subject":        {func(t *managedcasv1.Trust) { t.Subjects = []string{long(256)} }, codes.InvalidArgument},
		"a subject in two lines":  {func(t *managedcasv1.Trust) { t.Subjects = []string{"a/b\nc"} }, codes.InvalidArgument},
		"ten claims":              {func(t *managedcasv1.Trust) { t.Claims = many(10) }, codes.OK},
		"eleven":                  {func(t *managedcasv1.Trust) { t.Claims = many(11) }, codes.InvalidArgument},
		"a claim of nothing":      {func(t *managedcasv1.Trust) { t.Claims = map[string]string{"namespace_id": ""} }, codes.InvalidArgument},
		"the shortest lifetime":   {func(t *managedcasv1.Trust) { t.Lifetime = durationpb.New(time.Minute) }, codes.OK},
		"a shorter one":           {func(t *managedcasv1.Trust) { t.Lifetime = durationpb.New(time.Minute - 1) }, codes.InvalidArgument},
		"the longest lifetime":    {func(t *managedcasv1.Trust) { t.Lifetime = durationpb.New(15 * time.Minute) }, codes.OK},
		"a longer lifetime":       {func(t *managedcasv1.Trust) { t.Lifetime = durationpb.New(15*time.Minute + 1) }, codes.InvalidArgument},
	} {
		n++
		request := trust(func(item *managedcasv1.Trust) { item.Name = fmt.Sprint("t", n) })
		if tc.change != nil {
			tc.change(request.Trust)
		}
		_, err := p.trusts().Create(as(t, token, "acme"), request)
		wantCode(t, what, err, tc.want)
	}
}

func TestTrustsAreBounded(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	p.organization(t, "acme", org.Ready)
	token := p.token(t, org.Organization{})
	for i := range 50 {
		if _, err := p.trusts().Create(as(t, token, "acme"), trust(func(item *managedcasv1.Trust) { item.Name = fmt.Sprint("t", i) })); err != nil {
			t.Fatalf("trust %d: %v", i+1, err)
		}
	}
	_, err := p.trusts().Create(as(t, token, "acme"), trust(nil))
	wantCode(t, "one more", err, codes.ResourceExhausted)
}

func TestTrustsOfOtherOrganizationsAreOutOfReach(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	acme := p.organization(t, "acme", org.Ready)
	p.organization(t, "globex", org.Ready)
	instance := p.token(t, org.Organization{})
	theirs, err := p.trusts().Create(as(t, instance, "globex"), trust(nil))
	if err != nil {
		t.Fatal(err)
	}
	id := theirs.GetTrust().GetId()
	ann, login := p.user(t, "ann")
	p.join(t, ann, acme, registry.Owner)
	_, err = p.trusts().Delete(as(t, login, "acme"), &managedcasv1.TrustServiceDeleteRequest{Id: id})
	wantCode(t, "deleted", err, codes.NotFound)
	_, err = p.trusts().SetEnabled(as(t, login, "acme"), &managedcasv1.TrustServiceSetEnabledRequest{Id: id})
	wantCode(t, "disabled", err, codes.NotFound)
	if list, err := p.trusts().List(as(t, login, "acme"), nil); err != nil || len(list.GetTrusts()) != 0 {
		t.Errorf("listed: %v, %v", list, err)
	}
	list, err := p.trusts().List(as(t, instance, "globex"), nil)
	if err != nil || len(list.GetTrusts()) != 1 || !list.GetTrusts()[0].GetEnabled() || !strings.HasPrefix(list.GetTrusts()[0].GetCreatedBy(), "test/") {
		t.Errorf("globex has %v, %v", list, err)
	}
}

// A pipeline uses its organization, and governs nothing.
func TestPipelinesInTheAccessTable(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	acme := p.organization(t, "acme", org.Ready)
	made, err := p.trusts().Create(as(t, p.token(t, org.Organization{}), "acme"), trust(nil))
	if err != nil {
		t.Fatal(err)
	}
	list, err := p.db.Trusts(t.Context(), acme.ID, 1)
	if err != nil || list[0].ID.String() != made.GetTrust().GetId() {
		t.Fatalf("%v, %v", list, err)
	}
	pipeline, _, err := p.tokens.IssuePipeline(t.Context(), list[0], "project_path:acme/app:x")
	if err != nil {
		t.Fatal(err)
	}
	own := p.token(t, acme)
	different := map[string][2]byte{}
	for row := range maps.Keys(decisions) {
		name, _, _ := strings.Cut(row, " ")
		asToken, asPipeline := decision(p.callWith(t, name, particular[row], own, "")), decision(p.callWith(t, name, particular[row], pipeline, ""))
		if asToken != asPipeline {
			different[row] = [2]byte{asToken, asPipeline}
		}
	}
	// What a token of the organization may, a pipeline may, but for who the members are.
	want := map[string][2]byte{"controlplane.v1.OrganizationService/ListMemberships": {'+', 'x'}}
	if !maps.Equal(different, want) {
		t.Errorf("token and pipeline differ in %v, want %v", different, want)
	}
	_, err = p.backends().List(as(t, pipeline, "globex"), nil)
	wantCode(t, "in another organization", err, codes.PermissionDenied)
}

func TestUsersSeeAndEndTheirOwnLogins(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	logins := managedcasv1.NewLoginServiceClient(p.conn)
	_, first := p.user(t, "ann")
	_, second := p.user(t, "ann")
	_, other := p.user(t, "bob")
	theirs, err := logins.List(as(t, other, ""), nil)
	if err != nil || len(theirs.GetLogins()) != 1 {
		t.Fatalf("%v, %v", theirs, err)
	}
	_, err = logins.Revoke(as(t, first, ""), &managedcasv1.LoginServiceRevokeRequest{Id: theirs.GetLogins()[0].GetId()})
	wantCode(t, "bob's login ended by ann", err, codes.NotFound)
	list, err := logins.List(as(t, first, ""), nil)
	if err != nil || len(list.GetLogins()) != 2 {
		t.Fatalf("%v, %v", list, err)
	}
	for _, l := range list.GetLogins() {
		if l.GetCurrent() {
			continue
		}
		if _, err := logins.Revoke(as(t, first, ""), &managedcasv1.LoginServiceRevokeRequest{Id: l.GetId()}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = logins.List(as(t, second, ""), nil)
	wantCode(t, "the login that was ended", err, codes.Unauthenticated)
	if _, err := logins.Revoke(as(t, first, ""), nil); err != nil {
		t.Fatal(err)
	}
	_, err = logins.List(as(t, first, ""), nil)
	wantCode(t, "after ending its own", err, codes.Unauthenticated)
}
