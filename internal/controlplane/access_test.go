package controlplane_test

import (
	"maps"
	"slices"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/managedcas/managedcas/internal/org"
)

// callers are the kinds of caller, in the order of the rows below.
var callers = []string{"nobody", "bad token", "organization", "other organization", "instance", "instance in organization"}

// decisions says what becomes of each method for each kind of caller: "-" it is not
// let in (Unauthenticated), "x" it is denied, "?" it must name an organization first,
// "+" it gets in, whatever the method then answers.
var decisions = map[string]string{
	"controlplane.v1.StatusService/Infoz":   "++++++",
	"controlplane.v1.StatusService/Statusz": "++++++",

	"controlplane.v1.ContextService/Current":           "--+x++",
	"controlplane.v1.UserService/ListMemberships":      "--+x++",
	"controlplane.v1.UserService/SetCurrentMembership": "--+x++",

	"controlplane.v1.OrganizationService/Create":          "--xx++",
	"controlplane.v1.OrganizationService/Update":          "--xx++",
	"controlplane.v1.OrganizationService/Delete":          "--xx++",
	"controlplane.v1.OrganizationService/ListMemberships": "--+x?+",

	"controlplane.v1.CASBackendService/List":       "--+x?+",
	"controlplane.v1.CASBackendService/Create":     "--xx?+",
	"controlplane.v1.CASBackendService/Update":     "--xx?+",
	"controlplane.v1.CASBackendService/Delete":     "--xx?+",
	"controlplane.v1.CASBackendService/Revalidate": "--xx?+",

	"controlplane.v1.CASCredentialsService/Get": "--+x?+",

	"controlplane.v1.APITokenService/Create": "--xx++",
	"controlplane.v1.APITokenService/List":   "--xx++",
	"controlplane.v1.APITokenService/Revoke": "--xx++",

	"managedcas.v1.OrganizationAdminService/List":        "--xx++",
	"managedcas.v1.OrganizationAdminService/Describe":    "--+x?+",
	"managedcas.v1.OrganizationAdminService/ListDeleted": "--xx++",
	"managedcas.v1.OrganizationAdminService/Undelete":    "--xx++",

	"managedcas.v1.OwnBucketService/Describe": "--xx?+",

	"managedcas.v1.ArtifactService/List":        "--+x?+",
	"managedcas.v1.ArtifactService/FindMissing": "--+x?+",
}

// TestAccessTableIsExhaustive calls every registered method as every kind of caller.
// A method without a row fails, and so does a row without a method.
func TestAccessTableIsExhaustive(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	acme := p.organization(t, "acme", org.Ready)
	p.organization(t, "globex", org.Ready)
	own, instance := p.token(t, acme), p.token(t, org.Organization{})

	stale := maps.Clone(decisions)
	for service, info := range p.services.GetServiceInfo() {
		for _, m := range info.Methods {
			name := service + "/" + m.Name
			row, ok := decisions[name]
			delete(stale, name)
			if !ok || len(row) != len(callers) {
				t.Errorf("%s has no decision for each of %v", name, callers)
				continue
			}
			for i, caller := range callers {
				ctx := []func() error{
					func() error { return p.call(t, name, "", "") },
					func() error { return p.call(t, name, "swordfish", "") },
					func() error { return p.call(t, name, own, "") },
					func() error { return p.call(t, name, own, "globex") },
					func() error { return p.call(t, name, instance, "") },
					func() error { return p.call(t, name, instance, "acme") },
				}[i]
				if got := decision(ctx()); got != row[i] {
					t.Errorf("%s as %s: %q, want %q", name, caller, got, row[i])
				}
			}
		}
	}
	if len(stale) > 0 {
		t.Errorf("decisions about methods that do not exist: %v", slices.Sorted(maps.Keys(stale)))
	}
}

// call makes a call with an empty request.
func (p *plane) call(t *testing.T, name, token, organization string) error {
	t.Helper()
	service, method := protoreflect.FullName(name).Parent(), protoreflect.Name("")
	for i := range name {
		if name[i] == '/' {
			service, method = protoreflect.FullName(name[:i]), protoreflect.Name(name[i+1:])
		}
	}
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(service)
	if err != nil {
		t.Fatal(err)
	}
	m := d.(protoreflect.ServiceDescriptor).Methods().ByName(method)
	var req, resp proto.Message = dynamicpb.NewMessage(m.Input()), dynamicpb.NewMessage(m.Output())
	return p.conn.Invoke(as(t, token, organization), "/"+name, req, resp)
}

func decision(err error) byte {
	switch s := status.Convert(err); {
	case s.Code() == codes.Unauthenticated:
		return '-'
	case s.Code() == codes.PermissionDenied:
		return 'x'
	case s.Code() == codes.InvalidArgument && s.Message() == "the call names no organization: name one with --org":
		return '?'
	}
	return '+'
}

func TestMessagesThatTheStockClientKnows(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	for token, want := range map[string]string{"": "JWT token is missing", "swordfish": "Token is invalid"} {
		err := p.call(t, "controlplane.v1.ContextService/Current", token, "")
		if s := status.Convert(err); s.Code() != codes.Unauthenticated || s.Message() != want {
			t.Errorf("token %q: %v %q, want exactly %q (facts WIRE §7.1)", token, s.Code(), s.Message(), want)
		}
	}
}

func TestRepeatedHeadersAreRefused(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	token := p.token(t, p.organization(t, "acme", org.Ready))
	for _, more := range [][2]string{{"authorization", "Bearer " + token}, {"chainloop-organization", "acme"}} {
		ctx := metadata.AppendToOutgoingContext(as(t, token, ""), more[0], more[1])
		_, err := p.contexts().Current(ctx, nil)
		wantCode(t, "two "+more[0], err, codes.InvalidArgument)
	}
}
