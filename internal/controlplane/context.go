package controlplane

import (
	"context"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/org"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

type contexts struct {
	controlplanev1.UnimplementedContextServiceServer
	server *Server
}

// Current tells the caller who it is. A user's membership is that in the organization that
// the call acts in. A token's is only there when the call named the organization: stock
// clients write it into their configuration file, and one that works with the tokens of two
// organizations would from then on name the first with the second's token.
func (c contexts) Current(ctx context.Context, _ *controlplanev1.ContextServiceCurrentRequest) (*controlplanev1.ContextServiceCurrentResponse, error) {
	caller, _ := auth.CallerFrom(ctx)
	result := &controlplanev1.ContextServiceCurrentResponse_Result{CurrentUser: userItem(caller)}
	if o, ok := caller.Organization(); ok {
		membership, err := c.membership(ctx, caller, o)
		if err != nil {
			return nil, err
		}
		result.CurrentMembership = membership
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

// membership returns what Current shows of the caller's own, or nil.
func (c contexts) membership(ctx context.Context, caller auth.Caller, o org.Organization) (*controlplanev1.OrgMembershipItem, error) {
	user, isUser := caller.User()
	switch {
	case isUser && caller.Role() != "":
		m, err := c.server.cfg.Store.Membership(ctx, o.ID, user.ID)
		if err != nil {
			return nil, unavailable(err)
		}
		return userMembershipItem(m, user, o), nil
	case caller.Named():
		return membershipItem(caller, o), nil
	}
	return nil, nil
}
