package casgrpc

import (
	"context"

	casv1 "github.com/managedcas/managedcas/proto/cas/v1"
)

// statusService answers without a token, for probes and `version`.
type statusService struct {
	casv1.UnimplementedStatusServiceServer
	version string
}

func (s statusService) Infoz(context.Context, *casv1.InfozRequest) (*casv1.InfozResponse, error) {
	return &casv1.InfozResponse{Version: s.version, Backends: []string{"AWS-S3-ACCESS-POINT"}}, nil
}

func (s statusService) Statusz(context.Context, *casv1.StatuszRequest) (*casv1.StatuszResponse, error) {
	return &casv1.StatuszResponse{}, nil
}
