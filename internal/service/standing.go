package service

import (
	"context"
	"errors"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
)

// Standing tells load balancers whether a server takes calls: by gRPC's health service, and
// as a check of /readyz.
type Standing struct {
	health  *health.Server
	leaving atomic.Bool
}

// NewStanding returns the standing of a server that takes calls, and registers the health
// service with it.
func NewStanding(server grpc.ServiceRegistrar) *Standing {
	s := &Standing{health: health.NewServer()}
	healthv1.RegisterHealthServer(server, s.health)
	return s
}

// Open is the check: it fails from Leave on.
func (s *Standing) Open(context.Context) error {
	if s.leaving.Load() {
		return errors.New("the process is stopping")
	}
	return nil
}

// Leave tells everybody that asks, or watches, to send no more calls. It is the first thing
// of a Drain: calls that come all the same are answered, until the server stops.
func (s *Standing) Leave(context.Context) {
	s.leaving.Store(true)
	s.health.Shutdown()
}
