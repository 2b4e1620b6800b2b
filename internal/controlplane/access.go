package controlplane

import (
	"context"

	"google.golang.org/grpc"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// rule says who may call a method. The zero rule lets nobody in.
type rule struct {
	open bool // to everybody, without a token
	acts bool // needs an organization to act in: the token's own, or one that the call names

	instance bool // administrators: instance tokens, and users who administer the installation
	token    bool // API tokens of an organization
	pipeline bool // CI pipelines
	signedIn bool // users, in whatever organization or in none

	// role: users who have at least this role in the organization that they act in.
	role registry.Role
	// of returns the name of the organization that a request is about, where that need not
	// be the one acted in: users need their role there.
	of func(req any) string
	// more returns a greater role that a request asks for, or "".
	more func(req any) registry.Role
}

// tokens may use an organization and not govern it, so that one that leaks cannot make
// others that outlive it.
var (
	everybody    = rule{open: true}
	whoever      = rule{instance: true, token: true, pipeline: true, signedIn: true}
	operators    = rule{instance: true}
	people       = rule{signedIn: true}
	viewers      = rule{acts: true, instance: true, token: true, pipeline: true, role: registry.Viewer}
	contributors = rule{acts: true, instance: true, token: true, pipeline: true, role: registry.Contributor}
	admins       = rule{acts: true, instance: true, role: registry.Admin}
)

// access says who may call each method.
var access = map[string]rule{
	controlplanev1.StatusService_Infoz_FullMethodName:   everybody,
	controlplanev1.StatusService_Statusz_FullMethodName: everybody,

	controlplanev1.ContextService_Current_FullMethodName:           whoever,
	controlplanev1.UserService_ListMemberships_FullMethodName:      whoever,
	controlplanev1.UserService_SetCurrentMembership_FullMethodName: people,

	// Whether users may make organizations is the installation's choice: Create asks.
	controlplanev1.OrganizationService_Create_FullMethodName:          {instance: true, signedIn: true},
	controlplanev1.OrganizationService_Update_FullMethodName:          {instance: true, role: registry.Admin, of: nameOf},
	controlplanev1.OrganizationService_Delete_FullMethodName:          {instance: true, role: registry.Owner, of: nameOf},
	controlplanev1.OrganizationService_ListMemberships_FullMethodName: {acts: true, instance: true, token: true, role: registry.Viewer},

	controlplanev1.CASBackendService_List_FullMethodName:       viewers,
	controlplanev1.CASBackendService_Create_FullMethodName:     admins,
	controlplanev1.CASBackendService_Update_FullMethodName:     admins,
	controlplanev1.CASBackendService_Delete_FullMethodName:     admins,
	controlplanev1.CASBackendService_Revalidate_FullMethodName: admins,

	controlplanev1.CASCredentialsService_Get_FullMethodName: {acts: true, instance: true, token: true, pipeline: true, role: registry.Viewer, more: uploads},

	controlplanev1.CASRedirectService_GetDownloadURL_FullMethodName: viewers,

	controlplanev1.AttestationService_FindOrCreateWorkflow_FullMethodName: contributors,
	controlplanev1.AttestationService_GetContract_FullMethodName:          viewers,
	controlplanev1.AttestationService_Init_FullMethodName:                 contributors,
	controlplanev1.AttestationService_GetUploadCreds_FullMethodName:       contributors,
	controlplanev1.AttestationService_Store_FullMethodName:                contributors,
	controlplanev1.AttestationService_Cancel_FullMethodName:               contributors,
	controlplanev1.AttestationService_GetPolicy_FullMethodName:            viewers,
	controlplanev1.AttestationService_GetPolicyGroup_FullMethodName:       viewers,

	controlplanev1.AttestationStateService_Initialized_FullMethodName: contributors,
	controlplanev1.AttestationStateService_Save_FullMethodName:        contributors,
	controlplanev1.AttestationStateService_Read_FullMethodName:        contributors,
	controlplanev1.AttestationStateService_Reset_FullMethodName:       contributors,

	controlplanev1.SigningService_GenerateSigningCert_FullMethodName: viewers,
	controlplanev1.SigningService_GetTrustedRoot_FullMethodName:      viewers,

	// Without an organization they are about instance tokens, which is for administrators.
	controlplanev1.APITokenService_Create_FullMethodName: {instance: true, role: registry.Admin},
	controlplanev1.APITokenService_List_FullMethodName:   {instance: true, role: registry.Admin},
	controlplanev1.APITokenService_Revoke_FullMethodName: {instance: true, role: registry.Admin},

	managedcasv1.OrganizationAdminService_List_FullMethodName:        operators,
	managedcasv1.OrganizationAdminService_Describe_FullMethodName:    {instance: true, token: true, pipeline: true, role: registry.Viewer, of: nameOf},
	managedcasv1.OrganizationAdminService_ListDeleted_FullMethodName: operators,
	managedcasv1.OrganizationAdminService_Undelete_FullMethodName:    operators,

	// Without an organization they are about the installation's chain. Tokens of an
	// organization are for its machines, of which reading what others did is no part.
	managedcasv1.AuditService_List_FullMethodName: {instance: true, role: registry.Admin},
	managedcasv1.AuditService_Head_FullMethodName: {instance: true, role: registry.Admin},

	managedcasv1.ArtifactService_List_FullMethodName:        viewers,
	managedcasv1.ArtifactService_FindMissing_FullMethodName: viewers,

	managedcasv1.OwnBucketService_Describe_FullMethodName: admins,

	managedcasv1.MemberService_SetRole_FullMethodName: admins,
	managedcasv1.MemberService_Remove_FullMethodName:  admins,
	managedcasv1.MemberService_Leave_FullMethodName:   {acts: true, role: registry.Viewer},

	managedcasv1.InvitationService_Create_FullMethodName:   admins,
	managedcasv1.InvitationService_List_FullMethodName:     admins,
	managedcasv1.InvitationService_Revoke_FullMethodName:   admins,
	managedcasv1.InvitationService_ListMine_FullMethodName: people,
	managedcasv1.InvitationService_Accept_FullMethodName:   people,

	managedcasv1.LoginService_List_FullMethodName:   people,
	managedcasv1.LoginService_Revoke_FullMethodName: people,

	// They ask for the token that the first start printed.
	managedcasv1.BootstrapService_Redeem_FullMethodName: everybody,
	managedcasv1.BootstrapService_Claim_FullMethodName:  people,

	managedcasv1.TrustService_Create_FullMethodName:     admins,
	managedcasv1.TrustService_List_FullMethodName:       admins,
	managedcasv1.TrustService_SetEnabled_FullMethodName: admins,
	managedcasv1.TrustService_Delete_FullMethodName:     admins,

	// It asks for the token of a CI provider.
	managedcasv1.FederationService_Exchange_FullMethodName: everybody,

	// The standard health service, which the process frame registers.
	"/grpc.health.v1.Health/Check": everybody,
	"/grpc.health.v1.Health/List":  everybody,
	"/grpc.health.v1.Health/Watch": everybody,

	// Reflection, which the frame registers as well. What it tells is no secret; but its
	// streams stay open, and only those of callers are bounded.
	"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo":      whoever,
	"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": whoever,
}

// nameOf is for requests that name an organization; empty: the one acted in.
func nameOf(req any) string {
	if named, ok := req.(interface{ GetName() string }); ok {
		return named.GetName()
	}
	return ""
}

// uploads asks more of who wants to upload.
func uploads(req any) registry.Role {
	if r, ok := req.(*controlplanev1.CASCredentialsServiceGetRequest); ok && r.GetRole() == controlplanev1.CASCredentialsServiceGetRequest_ROLE_UPLOADER {
		return registry.Contributor
	}
	return ""
}

// public reports whether a method needs no token.
func public(method string) bool { return access[method].open }

// authorize decides whether the caller of ctx may call method with req, which is nil for
// streams.
func (s *Server) authorize(ctx context.Context, method string, req any) error {
	r, ok := access[method]
	if r.open {
		return nil
	}
	caller, known := auth.CallerFrom(ctx)
	if !known {
		return problem.New(problem.Unauthenticated, "JWT token is missing", "")
	}
	noteCaller(ctx, caller)
	if !ok {
		return problem.New(problem.Denied, "this method is not open to anybody", "upgrade the server, or use another method")
	}
	if err := s.admit(ctx, r, caller, req); err != nil {
		return err
	}
	if _, acting := caller.Organization(); r.acts && !acting {
		return errNoOrganization()
	}
	return nil
}

// admit decides by the kind of caller, and of users by their role.
func (s *Server) admit(ctx context.Context, r rule, caller auth.Caller, req any) error {
	switch kind := caller.Kind(); {
	case r.instance && caller.Instance(),
		r.token && kind == auth.OrganizationToken,
		r.pipeline && kind == auth.PipelineToken:
		return nil
	case kind != auth.UserLogin:
		return errNotForTokens(r)
	case r.signedIn:
		return nil
	case r.role == "":
		return problem.New(problem.Denied, "this is for administrators of the installation", "ask its operator")
	}
	needed := r.role
	if r.more != nil {
		if more := r.more(req); more != "" {
			needed = more
		}
	}
	role, err := s.roleFor(ctx, r, caller, req)
	if err != nil {
		return err
	}
	if !role.AtLeast(needed) {
		return problem.New(problem.Denied, "this needs the role "+string(needed)+" in the organization, and yours is "+string(role), "ask one of its owners")
	}
	return nil
}

// roleFor returns the user's role in the organization that req is about.
func (s *Server) roleFor(ctx context.Context, r rule, caller auth.Caller, req any) (registry.Role, error) {
	o, acting := caller.Organization()
	if r.of != nil {
		if name := r.of(req); name != "" && name != string(o.Name) && name != o.ID.String() {
			return s.roleIn(ctx, caller, name)
		}
	}
	if !acting {
		return "", errNoOrganization()
	}
	if caller.Role() == "" {
		return "", errNoMember(nil)
	}
	return caller.Role(), nil
}

// errNotForTokens is for tokens that came to a method for others.
func errNotForTokens(r rule) error {
	switch {
	case r.instance && r.role != "":
		return problem.New(problem.Denied, "this is not for tokens of organizations and pipelines", "sign in as a user with the role "+string(r.role)+", or use an instance token")
	case r.instance:
		return problem.New(problem.Denied, "this needs an instance token", "ask the operator of the installation")
	case r.signedIn, r.role != "":
		return problem.New(problem.Denied, "this is for users, not for tokens", "sign in with managedcas auth login")
	}
	return problem.New(problem.Denied, "this method is not open to anybody", "upgrade the server, or use another method")
}

// errNoOrganization is for callers who must say which organization they mean.
func errNoOrganization() error {
	return problem.New(problem.Invalid, "the call names no organization", "name one with --org")
}

// callerOrganization returns the organization that a call acts in. The access table
// has already seen to it that there is one.
func callerOrganization(ctx context.Context) (org.Organization, error) {
	caller, _ := auth.CallerFrom(ctx)
	o, ok := caller.Organization()
	if !ok {
		return org.Organization{}, errNoOrganization()
	}
	return o, nil
}

func (s *Server) authorizeUnary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if err := s.authorize(ctx, info.FullMethod, req); err != nil {
		return nil, err
	}
	return next(ctx, req)
}

func (s *Server) authorizeStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	if err := s.authorize(stream.Context(), info.FullMethod, nil); err != nil {
		return err
	}
	return next(srv, stream)
}
