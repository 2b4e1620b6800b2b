package controlplane

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// Logins is what the services need of a database for what users are signed in with.
type Logins interface {
	// Logins returns up to limit logins of a user that are good at now, the latest first.
	Logins(ctx context.Context, user uuid.UUID, now time.Time, limit int) ([]registry.Login, error)
	// RevokeLogin ends a login of a user; registry.ErrNotFound when it is not theirs.
	RevokeLogin(ctx context.Context, user, id uuid.UUID, at time.Time) error
}

type logins struct {
	managedcasv1.UnimplementedLoginServiceServer
	server *Server
}

// maxLogins bounds a list of logins: who has more ends the latest, and sees the others.
const maxLogins = 1000

// List shows the caller's logins.
func (l logins) List(ctx context.Context, _ *managedcasv1.LoginServiceListRequest) (*managedcasv1.LoginServiceListResponse, error) {
	caller, _ := auth.CallerFrom(ctx)
	user, _ := caller.User()
	list, err := l.server.cfg.Store.Logins(ctx, user.ID, time.Now(), maxLogins+1)
	if err != nil {
		return nil, unavailable(err)
	}
	if len(list) > maxLogins {
		list = list[:maxLogins]
		leaveOff(ctx, fmt.Sprintf("only the latest %d logins are listed", maxLogins))
	}
	resp := &managedcasv1.LoginServiceListResponse{}
	for _, each := range list {
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
