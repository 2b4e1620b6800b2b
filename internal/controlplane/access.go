package controlplane

import (
	"context"

	"google.golang.org/grpc"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// need is what a caller must have. The zero need cannot be met.
type need int

const (
	nobody       need = iota
	anyone            // no token
	token             // any good token
	organization      // a token that acts in an organization: its own, or the one it names
	instance          // an instance token
	// instance and organization: administers the organization that it names.
	instanceInOrganization
)

// access says what each method needs. A token of an organization is for its machines:
// it uses the organization and does not govern it, so that one that leaks cannot make
// others that outlive it.
var access = map[string]need{
	controlplanev1.StatusService_Infoz_FullMethodName:   anyone,
	controlplanev1.StatusService_Statusz_FullMethodName: anyone,

	controlplanev1.ContextService_Current_FullMethodName:           token,
	controlplanev1.UserService_ListMemberships_FullMethodName:      token,
	controlplanev1.UserService_SetCurrentMembership_FullMethodName: token,

	controlplanev1.OrganizationService_Create_FullMethodName:          instance,
	controlplanev1.OrganizationService_Update_FullMethodName:          instance,
	controlplanev1.OrganizationService_Delete_FullMethodName:          instance,
	controlplanev1.OrganizationService_ListMemberships_FullMethodName: organization,

	controlplanev1.CASBackendService_List_FullMethodName:       organization,
	controlplanev1.CASBackendService_Create_FullMethodName:     instanceInOrganization,
	controlplanev1.CASBackendService_Update_FullMethodName:     instanceInOrganization,
	controlplanev1.CASBackendService_Delete_FullMethodName:     instanceInOrganization,
	controlplanev1.CASBackendService_Revalidate_FullMethodName: instanceInOrganization,

	controlplanev1.CASCredentialsService_Get_FullMethodName: organization,

	controlplanev1.APITokenService_Create_FullMethodName: instance,
	controlplanev1.APITokenService_List_FullMethodName:   instance,
	controlplanev1.APITokenService_Revoke_FullMethodName: instance,

	managedcasv1.OrganizationAdminService_List_FullMethodName:        instance,
	managedcasv1.OrganizationAdminService_Describe_FullMethodName:    token,
	managedcasv1.OrganizationAdminService_ListDeleted_FullMethodName: instance,
	managedcasv1.OrganizationAdminService_Undelete_FullMethodName:    instance,

	managedcasv1.OwnBucketService_Describe_FullMethodName: instanceInOrganization,

	managedcasv1.ArtifactService_List_FullMethodName:        organization,
	managedcasv1.ArtifactService_FindMissing_FullMethodName: organization,

	// The standard health service, which the process frame registers.
	"/grpc.health.v1.Health/Check": anyone,
	"/grpc.health.v1.Health/List":  anyone,
	"/grpc.health.v1.Health/Watch": anyone,
}

// public reports whether a method needs no token.
func public(method string) bool { return access[method] == anyone }

// authorize decides whether the caller of ctx may call method.
func authorize(ctx context.Context, method string) error {
	required := access[method]
	if required == anyone {
		return nil
	}
	caller, ok := auth.CallerFrom(ctx)
	if !ok {
		return problem.New(problem.Unauthenticated, "JWT token is missing", "")
	}
	noteCaller(ctx, caller)
	_, inOrganization := caller.Organization()
	switch required {
	case token:
		return nil
	case instance, instanceInOrganization:
		if !caller.Instance() {
			return problem.New(problem.Denied, "this needs an instance token", "ask the operator of the installation")
		}
		if required == instance || inOrganization {
			return nil
		}
		return errNoOrganization()
	case organization:
		if inOrganization {
			return nil
		}
		return errNoOrganization()
	}
	return problem.New(problem.Denied, "this method is not open to anybody", "upgrade the server, or use another method")
}

// errNoOrganization is for instance tokens, which must say which organization they
// mean.
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

func authorizeUnary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if err := authorize(ctx, info.FullMethod); err != nil {
		return nil, err
	}
	return next(ctx, req)
}

func authorizeStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	if err := authorize(stream.Context(), info.FullMethod); err != nil {
		return err
	}
	return next(srv, stream)
}
