package controlplane

import (
	"context"

	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

type backends struct {
	controlplanev1.UnimplementedCASBackendServiceServer
	server *Server
}

// List shows the organization's storage backends.
func (b backends) List(ctx context.Context, _ *controlplanev1.CASBackendServiceListRequest) (*controlplanev1.CASBackendServiceListResponse, error) {
	o, err := callerOrganization(ctx)
	if err != nil {
		return nil, err
	}
	list, err := b.server.cfg.Store.Backends(ctx, o.ID)
	if err != nil {
		return nil, unavailable(err)
	}
	resp := &controlplanev1.CASBackendServiceListResponse{}
	for _, record := range list {
		resp.Result = append(resp.Result, b.server.backendItem(o, record))
	}
	return resp, nil
}
