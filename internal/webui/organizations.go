package webui

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/managedcas/managedcas/internal/problem"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

const (
	// listed is how many organizations a page has.
	listed = 25
	// asked is how many of them are asked about at once, where there is no list with states.
	asked = 4
)

// organizationList is the page of what the visitor can act in.
type organizationList struct {
	Organizations []listedOrganization
	More          string // path of the next page
	Later         bool   // this is not the first page
	Form          *createForm
}

type listedOrganization struct {
	organization
	Role string
}

// createForm is what was typed, and what was wrong with it. It is nil for who cannot
// create organizations whatever they type.
type createForm struct{ Typed, Message, Hint string }

func (p *Pages) listOrganizations(ctx context.Context, w http.ResponseWriter, r *http.Request, who visitor) error {
	return p.organizations(ctx, w, r, who, http.StatusOK, createForm{})
}

func (p *Pages) organizations(ctx context.Context, w http.ResponseWriter, r *http.Request, who visitor, status int, form createForm) error {
	list, err := p.pageOf(ctx, who, r.URL.Query().Get("cursor"))
	if err != nil {
		return err
	}
	may, err := p.mayCreate(ctx, who)
	if err != nil {
		return err
	}
	if may {
		list.Form = &form
	}
	list.Later = r.URL.Query().Get("cursor") != ""
	return p.show(w, status, "organizations", content{Title: "Organizations", Who: who, Page: list})
}

// mayCreate reports whether the visitor may make organizations, as far as the control plane
// tells all of its clients.
func (p *Pages) mayCreate(ctx context.Context, who visitor) (bool, error) {
	switch {
	case who.user.GetInstanceAdmin():
		return true, nil
	case who.aToken():
		return false, nil
	}
	info, err := p.api.status.Infoz(ctx, &controlplanev1.InfozRequest{})
	return !info.GetRestrictedOrgCreation(), err
}

// pageOf lists what the visitor can act in: who administers the installation, in all.
func (p *Pages) pageOf(ctx context.Context, who visitor, cursor string) (organizationList, error) {
	if !who.user.GetInstanceAdmin() {
		return p.pageOfMemberships(ctx, cursor)
	}
	resp, err := p.api.admin.List(ctx, &managedcasv1.OrganizationAdminServiceListRequest{Cursor: cursor, Limit: listed})
	if err != nil {
		return organizationList{}, err
	}
	list := organizationList{More: moreAt(resp.GetNextCursor())}
	for _, o := range resp.GetOrganizations() {
		list.Organizations = append(list.Organizations, listedOrganization{organization: organizationOf(o)})
	}
	return list, nil
}

// pageOfMemberships begins after the name that is its cursor: memberships come all at once.
func (p *Pages) pageOfMemberships(ctx context.Context, cursor string) (organizationList, error) {
	resp, err := p.api.users.ListMemberships(ctx, &controlplanev1.UserServiceListMembershipsRequest{})
	if err != nil {
		return organizationList{}, err
	}
	items := resp.GetResult()
	slices.SortFunc(items, func(a, b *controlplanev1.OrgMembershipItem) int {
		return cmp.Compare(a.GetOrg().GetName(), b.GetOrg().GetName())
	})
	items = slices.DeleteFunc(items, func(m *controlplanev1.OrgMembershipItem) bool { return m.GetOrg().GetName() <= cursor })
	var list organizationList
	if len(items) > listed {
		items = items[:listed]
		list.More = moreAt(items[listed-1].GetOrg().GetName())
	}
	list.Organizations = make([]listedOrganization, len(items))
	calls, ctx := errgroup.WithContext(ctx)
	calls.SetLimit(asked)
	for i, item := range items {
		calls.Go(func() error {
			resp, err := p.api.admin.Describe(ctx, &managedcasv1.OrganizationAdminServiceDescribeRequest{Name: item.GetOrg().GetName()})
			if gone := err != nil && (problem.KindOf(err) == problem.NotFound || problem.KindOf(err) == problem.Denied); err != nil && !gone {
				return err
			}
			o := organizationOf(resp.GetOrganization())
			o.Name, o.ID, o.Created = item.GetOrg().GetName(), item.GetOrg().GetId(), item.GetOrg().GetCreatedAt()
			list.Organizations[i] = listedOrganization{o, roles[item.GetRole()]}
			return nil
		})
	}
	return list, calls.Wait()
}

func moreAt(cursor string) string {
	if cursor == "" {
		return ""
	}
	return "/organizations?cursor=" + url.QueryEscape(cursor)
}

// createOrganization shows the new organization, or the form again as it was filled in.
func (p *Pages) createOrganization(ctx context.Context, w http.ResponseWriter, r *http.Request, who visitor) error {
	name := strings.TrimSpace(r.PostFormValue("name"))
	resp, err := p.api.organizations.Create(ctx, &controlplanev1.OrganizationServiceCreateRequest{Name: name})
	if err == nil {
		http.Redirect(w, r, storagePath(resp.GetResult().GetName()), http.StatusSeeOther)
		return nil
	}
	switch why := problem.From(err); why.Kind() {
	case problem.Invalid, problem.Exists:
		return p.organizations(ctx, w, r, who, why.Kind().HTTPStatus(), createForm{name, sentence(why.Message()), sentence(why.Hint())})
	}
	return err
}

// openOrganization leads to the first of an organization's pages.
func (p *Pages) openOrganization(_ context.Context, w http.ResponseWriter, r *http.Request, _ visitor) error {
	http.Redirect(w, r, storagePath(r.PathValue("name")), http.StatusSeeOther)
	return nil
}

func storagePath(name string) string {
	return "/organizations/" + url.PathEscape(name) + "/storage-backends"
}

// roles are the names that people read (facts WIRE §2).
var roles = map[controlplanev1.MembershipRole]string{
	controlplanev1.MembershipRole_MEMBERSHIP_ROLE_ORG_VIEWER:      "viewer",
	controlplanev1.MembershipRole_MEMBERSHIP_ROLE_ORG_CONTRIBUTOR: "contributor",
	controlplanev1.MembershipRole_MEMBERSHIP_ROLE_ORG_MEMBER:      "member",
	controlplanev1.MembershipRole_MEMBERSHIP_ROLE_ORG_ADMIN:       "admin",
	controlplanev1.MembershipRole_MEMBERSHIP_ROLE_ORG_OWNER:       "owner",
}

// sentence makes one of a message, which begins in lower case and has no full stop.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:] + "."
}
