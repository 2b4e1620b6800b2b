package webui

import (
	"context"
	"net/http"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/problem/grpcproblem"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// reasonNotInOrg is the services' word for an organization that does not exist, or not for
// the caller (facts WIRE §7.1).
const reasonNotInOrg = "USER_NOT_MEMBER_OF_ORG_ERROR_NOT_IN_ORG"

// services are those of the control plane that pages call.
type services struct {
	contexts      controlplanev1.ContextServiceClient
	status        controlplanev1.StatusServiceClient
	users         controlplanev1.UserServiceClient
	organizations controlplanev1.OrganizationServiceClient
	backends      controlplanev1.CASBackendServiceClient
	admin         managedcasv1.OrganizationAdminServiceClient
}

func newServices(api grpc.ClientConnInterface) services {
	api = told{api}
	return services{
		contexts:      controlplanev1.NewContextServiceClient(api),
		status:        controlplanev1.NewStatusServiceClient(api),
		users:         controlplanev1.NewUserServiceClient(api),
		organizations: controlplanev1.NewOrganizationServiceClient(api),
		backends:      controlplanev1.NewCASBackendServiceClient(api),
		admin:         managedcasv1.NewOrganizationAdminServiceClient(api),
	}
}

// told is a connection whose calls fail with problems.
type told struct{ grpc.ClientConnInterface }

func (t told) Invoke(ctx context.Context, method string, args, reply any, options ...grpc.CallOption) error {
	return grpcproblem.FromClient(t.ClientConnInterface.Invoke(ctx, method, args, reply, options...))
}

// calling returns the context of calls with a token, about an organization or, for "", none.
func calling(r *http.Request, token string, about org.Name) context.Context {
	ctx := metadata.AppendToOutgoingContext(anonymous(r), "authorization", "Bearer "+token)
	if about != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "chainloop-organization", string(about))
	}
	return ctx
}

// anonymous returns the context of calls without a token.
func anonymous(r *http.Request) context.Context {
	return auth.ForVisitor(r.Context(), r.RemoteAddr)
}

// visitor is who looks at a page.
type visitor struct {
	user *controlplanev1.User
	role controlplanev1.MembershipRole // in the organization that the page is about
}

// governs reports whether to offer what the services let administrators do. Whether they
// do let this one is their decision.
func (v visitor) governs() bool {
	return v.role == controlplanev1.MembershipRole_MEMBERSHIP_ROLE_ORG_ADMIN || v.role == controlplanev1.MembershipRole_MEMBERSHIP_ROLE_ORG_OWNER || v.user.GetInstanceAdmin()
}

// aToken reports whether the visitor is what an organization's API token makes up.
func (v visitor) aToken() bool {
	return v.user.GetCreatedAt() == nil && !v.user.GetInstanceAdmin()
}

// visit finds out who looks at a page, and gives the context of calls on their behalf. They
// are about the organization that the path names, if it names one.
func (p *Pages) visit(r *http.Request) (context.Context, visitor, error) {
	token := p.token(r)
	if token == "" {
		return nil, visitor{}, problem.New(problem.Unauthenticated, "nobody is signed in", "")
	}
	var about org.Name
	if name := r.PathValue("name"); name != "" {
		var err error
		if about, err = org.ParseName(name); err != nil {
			return nil, visitor{}, problem.Wrap(err, problem.NotFound, "there is no organization of that name", "")
		}
	}
	ctx := calling(r, token, about)
	resp, err := p.api.contexts.Current(ctx, &controlplanev1.ContextServiceCurrentRequest{})
	switch {
	case err != nil && problem.From(err).Reason() == reasonNotInOrg:
		return nil, visitor{}, problem.Wrap(err, problem.NotFound, "there is no organization of that name that you can act in", "")
	case err != nil:
		return nil, visitor{}, err
	}
	current := resp.GetResult()
	return ctx, visitor{current.GetCurrentUser(), current.GetCurrentMembership().GetRole()}, nil
}
