package casgrpc

import (
	"context"
	"strings"

	"google.golang.org/grpc/metadata"

	"github.com/managedcas/managedcas/internal/cas"
)

// grant verifies the CAS token of a call.
func (s *Server) grant(ctx context.Context) (cas.Grant, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	var token string
	if values := md.Get("authorization"); len(values) == 1 {
		if t, ok := strings.CutPrefix(values[0], "Bearer "); ok {
			token = t
		}
	}
	return s.cfg.Tokens.Grant(ctx, token)
}
