package webui

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/managedcas/managedcas/internal/problem"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// shownMembers is how many members a page has.
const shownMembers = 50

// memberList is the page of an organization's members.
type memberList struct {
	Organization organization
	Members      []member
	Total        int32
	Back, More   string // paths of the pages around this one
	Tab          string
}

type member struct {
	Name, Email, Role string
	Since             *timestamppb.Timestamp
}

func (p *Pages) listMembers(ctx context.Context, w http.ResponseWriter, r *http.Request, who visitor) error {
	page, err := pageNumber(r.URL.Query().Get("page"))
	if err != nil {
		return err
	}
	described, err := p.api.admin.Describe(ctx, &managedcasv1.OrganizationAdminServiceDescribeRequest{Name: r.PathValue("name")})
	if err != nil {
		return err
	}
	resp, err := p.api.organizations.ListMemberships(ctx, &controlplanev1.OrganizationServiceListMembershipsRequest{
		Pagination: &controlplanev1.OffsetPaginationRequest{Page: page, PageSize: shownMembers},
	})
	if err != nil {
		return err
	}
	list := memberList{Organization: organizationOf(described.GetOrganization()), Total: resp.GetPagination().GetTotalCount(), Tab: "members"}
	for _, m := range resp.GetResult() {
		u := m.GetUser()
		list.Members = append(list.Members, member{strings.TrimSpace(u.GetFirstName() + " " + u.GetLastName()), u.GetEmail(), roles[m.GetRole()], m.GetCreatedAt()})
	}
	if page > 1 {
		list.Back = pageAt(list.Organization, page-1)
	}
	if page < resp.GetPagination().GetTotalPages() {
		list.More = pageAt(list.Organization, page+1)
	}
	return p.show(w, http.StatusOK, "members", content{Title: list.Organization.Name + ": Members", Who: who, Page: list})
}

func pageAt(o organization, page int32) string {
	return o.Members() + "?page=" + strconv.Itoa(int(page))
}

func pageNumber(text string) (int32, error) {
	if text == "" {
		return 1, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 1 {
		return 0, problem.Wrap(err, problem.NotFound, "there is no such page", "")
	}
	return int32(n), nil
}
