package controlplane

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// Logins is what the services need of a database for what users are signed in with.
type Logins interface {
	// Logins returns a user's logins that are not revoked, the latest first.
	Logins(ctx context.Context, user uuid.UUID) ([]registry.Login, error)
	// RevokeLogin ends a login of a user; registry.ErrNotFound when it is not theirs.
	RevokeLogin(ctx context.Context, user, id uuid.UUID, at time.Time) error
}

type logins struct {
	managedcasv1.UnimplementedLoginServiceServer
	server *Server
}

// List shows the caller's logins.
func (l logins) List(ctx context.Context, _ *managedcasv1.LoginServiceListRequest) (*managedcasv1.LoginServiceListResponse, error) {
	caller, _ := auth.CallerFrom(ctx)
	user, _ := caller.User()
	list, err := l.server.cfg.Store.Logins(ctx, user.ID)
	if err != nil {
		return nil, unavailable(err)
	}
	resp := &managedcasv1.LoginServiceListResponse{}
	for _, each := range list {
		if !time.Now().Before(each.ExpiresAt) {
			continue
		}
		resp.Logins = append(resp.Logins, &managedcasv1.Login{
			Id: each.ID.String(), Client: each.Client, CreatedAt: timestamp(each.CreatedAt), ExpiresAt: timestamp(each.ExpiresAt),
			LastUsedAt: timestamp(each.LastUsedAt), Current: each.ID == caller.TokenID(),
		})
	}
	return resp, nil
}

// Revoke ends one of the caller's logins.
func (l logins) Revoke(ctx context.Context, req *managedcasv1.LoginServiceRevokeRequest) (*managedcasv1.LoginServiceRevokeResponse, error) {
	caller, _ := auth.CallerFrom(ctx)
	user, _ := caller.User()
	id := caller.TokenID()
	if req.GetId() != "" {
		var err error
		if id, err = uuid.Parse(req.GetId()); err != nil {
			return nil, problem.Wrap(err, problem.Invalid, "that is not the id of a login", "use one that auth logins list shows")
		}
	}
	if err := l.server.cfg.Store.RevokeLogin(ctx, user.ID, id, time.Now()); err != nil {
		return nil, unavailable(err)
	}
	return &managedcasv1.LoginServiceRevokeResponse{}, nil
}
