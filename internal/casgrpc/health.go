package casgrpc

import (
	"context"

	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
)

// health answers probes without a token: a server that answers serves. Nobody may watch,
// for that keeps a stream open.
type health struct {
	healthv1.UnimplementedHealthServer
}

func (health) Check(context.Context, *healthv1.HealthCheckRequest) (*healthv1.HealthCheckResponse, error) {
	return &healthv1.HealthCheckResponse{Status: healthv1.HealthCheckResponse_SERVING}, nil
}
