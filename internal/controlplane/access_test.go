package controlplane_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// callers are the kinds of caller, in the order of the rows below. Each acts in acme but
// where it says otherwise; roles are those of users.
var callers = []string{
	"nobody", "a bad token", "acme's token", "acme's token naming globex", "instance token", "instance token in acme",
	"user of no organization", "member of globex naming acme", "viewer", "contributor", "member", "admin", "owner", "administrator", "administrator in acme",
}

// decisions says what becomes of each method for each kind of caller: "-" it is not
// let in (Unauthenticated), "x" it is denied, "?" it must name an organization first,
// "+" it gets in, whatever the method then answers.
var decisions = map[string]string{
	"controlplane.v1.StatusService/Infoz":   "++ ++++ ++ +++++ ++",
	"controlplane.v1.StatusService/Statusz": "++ ++++ ++ +++++ ++",

	"controlplane.v1.ContextService/Current":           "-- +x++ +x +++++ ++",
	"controlplane.v1.UserService/ListMemberships":      "-- +x++ +x +++++ ++",
	"controlplane.v1.UserService/SetCurrentMembership": "-- xxxx +x +++++ ++",

	"controlplane.v1.OrganizationService/Create":          "-- xx++ +x +++++ ++",
	"controlplane.v1.OrganizationService/Update":          "-- xx++ ?x xxx++ ++",
	"controlplane.v1.OrganizationService/Delete":          "-- xx++ ?x xxxx+ ++",
	"controlplane.v1.OrganizationService/ListMemberships": "-- +x?+ ?x +++++ ?+",

	"controlplane.v1.CASBackendService/List":       "-- +x?+ ?x +++++ ?+",
	"controlplane.v1.CASBackendService/Create":     "-- xx?+ ?x xxx++ ?+",
	"controlplane.v1.CASBackendService/Update":     "-- xx?+ ?x xxx++ ?+",
	"controlplane.v1.CASBackendService/Delete":     "-- xx?+ ?x xxx++ ?+",
	"controlplane.v1.CASBackendService/Revalidate": "-- xx?+ ?x xxx++ ?+",

	"controlplane.v1.CASCredentialsService/Get":                 "-- +x?+ ?x +++++ ?+",
	"controlplane.v1.CASCredentialsService/Get to upload":       "-- +x?+ ?x x++++ ?+",
	"controlplane.v1.OrganizationService/Delete of globex":      "-- xx++ xx xxxxx ++",
	"managedcas.v1.OrganizationAdminService/Describe of globex": "-- xx++ xx xxxxx ++",

	"controlplane.v1.CASRedirectService/GetDownloadURL":       "-- +x?+ ?x +++++ ?+",
	"controlplane.v1.AttestationService/FindOrCreateWorkflow": "-- +x?+ ?x x++++ ?+",
	"controlplane.v1.AttestationService/GetContract":          "-- +x?+ ?x +++++ ?+",
	"controlplane.v1.AttestationService/Init":                 "-- +x?+ ?x x++++ ?+",
	"controlplane.v1.AttestationService/GetUploadCreds":       "-- +x?+ ?x x++++ ?+",
	"controlplane.v1.AttestationService/Store":                "-- +x?+ ?x x++++ ?+",
	"controlplane.v1.AttestationService/Cancel":               "-- +x?+ ?x x++++ ?+",
	"controlplane.v1.AttestationService/GetPolicy":            "-- +x?+ ?x +++++ ?+",
	"controlplane.v1.AttestationService/GetPolicyGroup":       "-- +x?+ ?x +++++ ?+",
	"controlplane.v1.AttestationStateService/Initialized":     "-- +x?+ ?x x++++ ?+",
	"controlplane.v1.AttestationStateService/Save":            "-- +x?+ ?x x++++ ?+",
	"controlplane.v1.AttestationStateService/Read":            "-- +x?+ ?x x++++ ?+",
	"controlplane.v1.AttestationStateService/Reset":           "-- +x?+ ?x x++++ ?+",
	"controlplane.v1.SigningService/GenerateSigningCert":      "-- +x?+ ?x +++++ ?+",
	"controlplane.v1.SigningService/GetTrustedRoot":           "-- +x?+ ?x +++++ ?+",

	"controlplane.v1.APITokenService/Create": "-- xx++ ?x xxx++ ++",
	"controlplane.v1.APITokenService/List":   "-- xx++ ?x xxx++ ++",
	"controlplane.v1.APITokenService/Revoke": "-- xx++ ?x xxx++ ++",

	"managedcas.v1.OrganizationAdminService/List":        "-- xx++ xx xxxxx ++",
	"managedcas.v1.OrganizationAdminService/Describe":    "-- +x?+ ?x +++++ ?+",
	"managedcas.v1.OrganizationAdminService/ListDeleted": "-- xx++ xx xxxxx ++",
	"managedcas.v1.OrganizationAdminService/Undelete":    "-- xx++ xx xxxxx ++",

	"managedcas.v1.AuditService/List": "-- xx++ ?x xxx++ ++",
	"managedcas.v1.AuditService/Head": "-- xx++ ?x xxx++ ++",

	"managedcas.v1.ArtifactService/List":        "-- +x?+ ?x +++++ ?+",
	"managedcas.v1.ArtifactService/FindMissing": "-- +x?+ ?x +++++ ?+",

	"managedcas.v1.OwnBucketService/Describe": "-- xx?+ ?x xxx++ ?+",

	"managedcas.v1.MemberService/SetRole": "-- xx?+ ?x xxx++ ?+",
	"managedcas.v1.MemberService/Remove":  "-- xx?+ ?x xxx++ ?+",
	"managedcas.v1.MemberService/Leave":   "-- xxxx ?x +++++ ?x",

	"managedcas.v1.InvitationService/Create":   "-- xx?+ ?x xxx++ ?+",
	"managedcas.v1.InvitationService/List":     "-- xx?+ ?x xxx++ ?+",
	"managedcas.v1.InvitationService/Revoke":   "-- xx?+ ?x xxx++ ?+",
	"managedcas.v1.InvitationService/ListMine": "-- xxxx +x +++++ ++",
	"managedcas.v1.InvitationService/Accept":   "-- xxxx +x +++++ ++",

	"managedcas.v1.LoginService/List":   "-- xxxx +x +++++ ++",
	"managedcas.v1.LoginService/Revoke": "-- xxxx +x +++++ ++",

	// They let everybody in, and nobody without the right token through.
	"managedcas.v1.BootstrapService/Redeem":    "xx xxxx xx xxxxx xx",
	"managedcas.v1.BootstrapService/Claim":     "-- xxxx xx xxxxx xx",
	"managedcas.v1.FederationService/Exchange": "xx xxxx xx xxxxx xx",

	"managedcas.v1.TrustService/Create":     "-- xx?+ ?x xxx++ ?+",
	"managedcas.v1.TrustService/List":       "-- xx?+ ?x xxx++ ?+",
	"managedcas.v1.TrustService/SetEnabled": "-- xx?+ ?x xxx++ ?+",
	"managedcas.v1.TrustService/Delete":     "-- xx?+ ?x xxx++ ?+",
}

// particular are the requests of rows that are about more than a method.
var particular = map[string]proto.Message{
	// Without an id, it would end the login that asks.
	"managedcas.v1.LoginService/Revoke": &managedcasv1.LoginServiceRevokeRequest{Id: "8f0c5a3e-6f0e-4d6e-9d53-1f3a0c0f7c11"},
	"controlplane.v1.CASCredentialsService/Get to upload": &controlplanev1.CASCredentialsServiceGetRequest{
		Role: controlplanev1.CASCredentialsServiceGetRequest_ROLE_UPLOADER,
	},
	"controlplane.v1.OrganizationService/Delete of globex":      &controlplanev1.OrganizationServiceDeleteRequest{Name: "globex"},
	"managedcas.v1.OrganizationAdminService/Describe of globex": &managedcasv1.OrganizationAdminServiceDescribeRequest{Name: "globex"},
}

// TestAccessTableIsExhaustive calls every registered method as every kind of caller.
// A method without a row fails, and so does a row without a method.
func TestAccessTableIsExhaustive(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	methods := map[string]bool{}
	for service, info := range p.services.GetServiceInfo() {
		for _, m := range info.Methods {
			name := service + "/" + m.Name
			methods[name] = true
			if _, ok := decisions[name]; !ok {
				t.Errorf("%s has no decision for each of %v", name, callers)
			}
		}
	}
	for row, decided := range decisions {
		name, _, _ := strings.Cut(row, " ")
		if !methods[name] {
			t.Errorf("a decision about %s, which does not exist", name)
			continue
		}
		t.Run(row, func(t *testing.T) {
			t.Parallel()
			want := strings.ReplaceAll(decided, " ", "")
			if len(want) != len(callers) {
				t.Fatalf("%d decisions, %d kinds of caller", len(want), len(callers))
			}
			p := newPlane(t) // of its own: some methods leave things changed
			for i, as := range p.everyCaller(t) {
				if got := decision(p.callWith(t, name, particular[row], as.token, as.organization)); got != want[i] {
					t.Errorf("as %s: %q, want %q", callers[i], got, want[i])
				}
			}
		})
	}
}

// asCaller is a token, and the organization that the call names.
type asCaller struct{ token, organization string }

// everyCaller returns one of each of callers.
func (p *plane) everyCaller(t *testing.T) []asCaller {
	t.Helper()
	acme, globex := p.organization(t, "acme", org.Ready), p.organization(t, "globex", org.Ready)
	own, instance := p.token(t, acme), p.token(t, org.Organization{})
	_, stranger := p.user(t, "stranger")
	other, member := p.user(t, "globex-member")
	p.join(t, other, globex, registry.Owner)
	all := []asCaller{{}, {"swordfish", ""}, {own, ""}, {own, "globex"}, {instance, ""}, {instance, "acme"}, {stranger, ""}, {member, "acme"}}
	for _, role := range registry.Roles {
		u, login := p.user(t, string(role))
		p.join(t, u, acme, role)
		all = append(all, asCaller{login, "acme"})
	}
	u, administrator := p.user(t, "administrator")
	if err := p.db.SetInstanceAdmin(t.Context(), u.ID, true); err != nil {
		t.Fatal(err)
	}
	return append(all, asCaller{administrator, ""}, asCaller{administrator, "acme"})
}

// call makes a call with an empty request.
func (p *plane) call(t *testing.T, name, token, organization string) error {
	t.Helper()
	return p.callWith(t, name, nil, token, organization)
}

// callWith makes a call with req, or with an empty request if that is nil.
func (p *plane) callWith(t *testing.T, name string, req proto.Message, token, organization string) error {
	t.Helper()
	service, method, _ := strings.Cut(name, "/")
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		t.Fatal(err)
	}
	m := d.(protoreflect.ServiceDescriptor).Methods().ByName(protoreflect.Name(method))
	if req == nil {
		req = dynamicpb.NewMessage(m.Input())
	}
	return p.conn.Invoke(as(t, token, organization), "/"+name, req, dynamicpb.NewMessage(m.Output()))
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
