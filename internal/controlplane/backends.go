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

// The managed backend is made, repaired and taken away with its organization. There
// is no other kind yet, and so nothing to create, change or validate by hand.

// Create is not offered.
func (backends) Create(context.Context, *controlplanev1.CASBackendServiceCreateRequest) (*controlplanev1.CASBackendServiceCreateResponse, error) {
	return nil, errOnlyManaged()
}

// Update is not offered.
func (backends) Update(context.Context, *controlplanev1.CASBackendServiceUpdateRequest) (*controlplanev1.CASBackendServiceUpdateResponse, error) {
	return nil, errOnlyManaged()
}

// Delete is not offered.
func (backends) Delete(context.Context, *controlplanev1.CASBackendServiceDeleteRequest) (*controlplanev1.CASBackendServiceDeleteResponse, error) {
	return nil, errOnlyManaged()
}

// Revalidate is not offered.
func (backends) Revalidate(context.Context, *controlplanev1.CASBackendServiceRevalidateRequest) (*controlplanev1.CASBackendServiceRevalidateResponse, error) {
	return nil, errOnlyManaged()
}

func errOnlyManaged() error {
	return unimplemented("storage backends are managed by the installation",
		"the one that every organization has is kept in order without help")
}
