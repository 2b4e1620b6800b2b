package controlplane

import (
	"context"

	"github.com/managedcas/managedcas/internal/auth"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

type contexts struct {
	controlplanev1.UnimplementedContextServiceServer
	server *Server
}

// Current tells the caller who it is. The membership is only there when the call
// named its organization: stock clients write it into their configuration file, and
// one that works with the tokens of two organizations would from then on name the
// first with the second's token.
func (c contexts) Current(ctx context.Context, _ *controlplanev1.ContextServiceCurrentRequest) (*controlplanev1.ContextServiceCurrentResponse, error) {
	caller, _ := auth.CallerFrom(ctx)
	result := &controlplanev1.ContextServiceCurrentResponse_Result{CurrentUser: userItem(caller)}
	if o, ok := caller.Organization(); ok {
		if caller.Named() {
			result.CurrentMembership = membershipItem(caller, o)
		}
		list, err := c.server.cfg.Store.Backends(ctx, o.ID)
		if err != nil {
			return nil, unavailable(err)
		}
		for _, b := range list {
			if b.Default {
				result.CurrentCasBackend = c.server.backendItem(o, b)
			}
		}
	}
	return &controlplanev1.ContextServiceCurrentResponse{Result: result}, nil
}

type users struct {
	controlplanev1.UnimplementedUserServiceServer
	server *Server
}

// ListMemberships lists the organizations that the caller can act in.
func (u users) ListMemberships(ctx context.Context, _ *controlplanev1.UserServiceListMembershipsRequest) (*controlplanev1.UserServiceListMembershipsResponse, error) {
	caller, _ := auth.CallerFrom(ctx)
	list, err := u.server.reachable(ctx, caller)
	if err != nil {
		return nil, err
	}
	resp := &controlplanev1.UserServiceListMembershipsResponse{}
	for _, o := range list {
		resp.Result = append(resp.Result, membershipItem(caller, o))
	}
	return resp, nil
}

// SetCurrentMembership is for people, who have a current organization. A token has
// its own, or names one in every call.
func (users) SetCurrentMembership(context.Context, *controlplanev1.SetCurrentMembershipRequest) (*controlplanev1.SetCurrentMembershipResponse, error) {
	return nil, unimplemented("API tokens have no current organization", "name one with --org")
}
