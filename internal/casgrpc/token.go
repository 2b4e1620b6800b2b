package casgrpc

import (
	"context"

	"google.golang.org/grpc/metadata"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/cas"
)

// grant verifies the CAS token of a call.
func (s *Server) grant(ctx context.Context) (cas.Grant, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	var token string
	if values := md.Get("authorization"); len(values) == 1 {
		token = auth.Bearer(values[0])
	}
	return s.cfg.Tokens.Grant(ctx, token)
}
