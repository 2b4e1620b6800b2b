package service

import (
	"context"

	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
)

// RegisterHealth adds the standard health service: a server that answers serves. Whether
// what it needs works is what /readyz says. Watch is not offered, since its streams would
// keep a server from stopping; clients take that for healthy (gRPC A17).
func RegisterHealth(r grpc.ServiceRegistrar) { healthv1.RegisterHealthServer(r, alive{}) }

type alive struct {
	healthv1.UnimplementedHealthServer
}

func (alive) Check(context.Context, *healthv1.HealthCheckRequest) (*healthv1.HealthCheckResponse, error) {
	return &healthv1.HealthCheckResponse{Status: healthv1.HealthCheckResponse_SERVING}, nil
}
