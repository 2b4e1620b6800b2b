package controlplane

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

type tokens struct {
	controlplanev1.UnimplementedAPITokenServiceServer
	server *Server
}

// Create issues an API token for the organization that the call names; if it names
// none, an instance token.
func (t tokens) Create(ctx context.Context, req *controlplanev1.APITokenServiceCreateRequest) (*controlplanev1.APITokenServiceCreateResponse, error) {
	if req.GetProjectReference() != nil {
		return nil, unimplemented("tokens belong to an organization as a whole", "leave the project out")
	}
	// Names of tokens follow the rule for names of organizations.
	if _, err := org.ParseName(req.GetName()); err != nil {
		return nil, problem.Wrap(err, problem.Invalid, "that is not a name for a token", "use 1 to 63 lowercase letters, digits and inner hyphens, and no UUID")
	}
	lifetime := time.Duration(0)
	if d := req.GetExpiresIn(); d != nil {
		if lifetime = d.AsDuration(); lifetime < time.Second || d.CheckValid() != nil {
			return nil, problem.New(problem.Invalid, "the lifetime is not positive", "leave it out for a token that does not expire")
		}
	}
	o := actingIn(ctx)
	if o.State == org.Deleting {
		return nil, problem.New(problem.Precondition, "the organization is being deleted", "name another one")
	}
	text, record, err := t.server.cfg.Tokens.Issue(ctx, auth.NewToken{Organization: o, Name: req.GetName(), Lifetime: lifetime})
	if errors.Is(err, registry.ErrExists) { // also by a token that has expired
		return nil, problem.Wrap(err, problem.Exists, "there is a token of that name", "choose another name, or revoke that one: token list shows it")
	}
	if err != nil {
		return nil, unavailable(err)
	}
	return &controlplanev1.APITokenServiceCreateResponse{Result: &controlplanev1.APITokenServiceCreateResponse_APITokenFull{
		Item: tokenItem(o, record), Jwt: text,
	}}, nil
}

// List shows the tokens of the organization that the call names; if it names none,
// the instance tokens. None belongs to a project.
func (t tokens) List(ctx context.Context, req *controlplanev1.APITokenServiceListRequest) (*controlplanev1.APITokenServiceListResponse, error) {
	if req.GetScope() == controlplanev1.APITokenServiceListRequest_SCOPE_PROJECT || req.GetProject() != nil {
		return &controlplanev1.APITokenServiceListResponse{}, nil
	}
	o := actingIn(ctx)
	records, err := t.server.cfg.Tokens.List(ctx, o.ID)
	if err != nil {
		return nil, unavailable(err)
	}
	records = slices.DeleteFunc(records, func(t registry.Token) bool { return !wanted(req, t.Revoked()) })
	resp := &controlplanev1.APITokenServiceListResponse{}
	for _, record := range lastRevoked(ctx, records) {
		resp.Result = append(resp.Result, tokenItem(o, record))
	}
	return resp, nil
}

// lastRevoked leaves out the revoked token by whose presence it is known that there are more of
// them than are listed, and has the answer say so.
func lastRevoked(ctx context.Context, records []registry.Token) []registry.Token {
	revoked, oldest := 0, -1
	for i, t := range records {
		if !t.Revoked() {
			continue
		}
		revoked++
		if oldest < 0 || t.RevokedAt.Before(records[oldest].RevokedAt) {
			oldest = i
		}
	}
	if revoked <= registry.MaxTokens {
		return records
	}
	leaveOff(ctx, fmt.Sprintf("of the revoked tokens only the %d that were last are listed; the audit log has the others", registry.MaxTokens))
	return slices.Delete(records, oldest, oldest+1)
}

func wanted(req *controlplanev1.APITokenServiceListRequest, revoked bool) bool {
	switch req.GetStatusFilter() {
	case controlplanev1.APITokenServiceListRequest_STATUS_FILTER_ALL:
		return true
	case controlplanev1.APITokenServiceListRequest_STATUS_FILTER_REVOKED:
		return revoked
	}
	return !revoked || req.GetIncludeRevoked()
}

// Revoke takes back a token of the organization that the call names; if it names
// none, an instance token.
func (t tokens) Revoke(ctx context.Context, req *controlplanev1.APITokenServiceRevokeRequest) (*controlplanev1.APITokenServiceRevokeResponse, error) {
	id, err := uuid.Parse(req.GetId())
	if err != nil {
		return nil, problem.Wrap(err, problem.Invalid, "that is not the id of a token", "use the id that list shows")
	}
	if err := t.server.cfg.Tokens.Revoke(ctx, actingIn(ctx).ID, id); err != nil {
		return nil, unavailable(err)
	}
	return &controlplanev1.APITokenServiceRevokeResponse{}, nil
}

// actingIn returns the organization that a call names, or the zero one.
func actingIn(ctx context.Context) org.Organization {
	caller, _ := auth.CallerFrom(ctx)
	o, _ := caller.Organization()
	return o
}

func tokenItem(o org.Organization, t registry.Token) *controlplanev1.APITokenItem {
	item := &controlplanev1.APITokenItem{
		Id: t.ID.String(), Name: t.Name, OrganizationName: string(o.Name),
		CreatedAt: timestamp(t.CreatedAt), ExpiresAt: timestamp(t.ExpiresAt),
		RevokedAt: timestamp(t.RevokedAt), LastUsedAt: timestamp(t.LastUsedAt),
	}
	if !t.Instance() {
		item.OrganizationId = t.Org.String()
	}
	return item
}
