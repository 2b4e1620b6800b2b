package controlplane

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

type credentials struct {
	controlplanev1.UnimplementedCASCredentialsServiceServer
	server *Server
}

// Get issues a CAS token: for uploads, or for the download of one artifact.
func (c credentials) Get(ctx context.Context, req *controlplanev1.CASCredentialsServiceGetRequest) (*controlplanev1.CASCredentialsServiceGetResponse, error) {
	o, err := callerOrganization(ctx)
	if err != nil {
		return nil, err
	}
	grant, err := grantFor(o.ID, req)
	if err != nil {
		return nil, err
	}
	text, backend, err := c.server.casToken(ctx, o, grant)
	if err != nil {
		return nil, err
	}
	return &controlplanev1.CASCredentialsServiceGetResponse{Result: &controlplanev1.CASCredentialsServiceGetResponse_Result{
		Token: text, Backend: c.server.backendItem(o, backend),
	}}, nil
}

// casToken signs a token for the caller, and says for which storage backend it is. Of an
// upload without a bound of its own it says the backend's.
func (s *Server) casToken(ctx context.Context, o org.Organization, grant cas.Grant) (string, registry.Backend, error) {
	backend, err := s.usableBackend(ctx, o, grant)
	if err != nil {
		return "", backend, err
	}
	caller, _ := auth.CallerFrom(ctx)
	grant.Subject = caller.GrantSubject()
	if grant.Role == cas.Uploader && grant.MaxBytes == 0 {
		grant.MaxBytes = s.maxBytes(backend)
	}
	text, err := s.cfg.Signer.Sign(ctx, grant, backend.ID)
	if err != nil {
		return "", backend, fmt.Errorf("issue CAS token: %w", err)
	}
	return text, backend, nil
}

// grantFor reads the request. The digest comes as the user typed it (facts WIRE §4).
func grantFor(id org.ID, req *controlplanev1.CASCredentialsServiceGetRequest) (cas.Grant, error) {
	grant := cas.Grant{Org: id}
	if text := req.GetDigest(); text != "" {
		d, err := digest.Parse(text)
		if err != nil {
			return cas.Grant{}, problem.Wrap(err, problem.Invalid, "that is not a digest", "use sha256: followed by 64 lowercase hexadecimal digits")
		}
		if d.IsZero() { // no content has it; in a grant it means any
			return cas.Grant{}, cas.Problem(cas.ErrNotFound)
		}
		grant.Digest = d
	}
	switch req.GetRole() {
	case controlplanev1.CASCredentialsServiceGetRequest_ROLE_UPLOADER:
		grant.Role = cas.Uploader
	case controlplanev1.CASCredentialsServiceGetRequest_ROLE_DOWNLOADER:
		grant.Role = cas.Downloader
		if grant.Digest.IsZero() {
			return cas.Grant{}, problem.New(problem.Invalid, "a download needs a digest", "say which artifact is meant")
		}
	default:
		return cas.Grant{}, problem.New(problem.Invalid, "the request has no role", "ask for ROLE_UPLOADER or ROLE_DOWNLOADER")
	}
	return grant, nil
}

// usableBackend returns the storage backend that a grant is for, or the problem that says
// whether waiting helps (DESIGN I12): what is uploaded goes to the default one, what is
// downloaded comes from where it is.
func (s *Server) usableBackend(ctx context.Context, o org.Organization, grant cas.Grant) (registry.Backend, error) {
	switch o.State {
	case org.Deleting, org.Deleted:
		return registry.Backend{}, problem.New(problem.Precondition, "the organization is being deleted", "its artifacts are no longer served")
	case org.Pending:
		return registry.Backend{}, errProvisioning()
	}
	list, err := s.cfg.Store.Backends(ctx, o.ID)
	if err != nil {
		return registry.Backend{}, unavailable(err)
	}
	chosen := func(b registry.Backend) bool { return b.Default }
	missing := problem.New(problem.Denied, "the organization has no default storage backend", "ask the operator of the installation").WithReason(reasonBackendRequired)
	if grant.Role == cas.Downloader {
		id, err := s.cfg.Store.ArtifactBackend(ctx, o.ID, grant.Digest)
		switch {
		case errors.Is(err, registry.ErrNotFound): // not in the catalogue (yet)
		case err != nil:
			return registry.Backend{}, unavailable(err)
		default:
			chosen = func(b registry.Backend) bool { return b.ID == id || b.Managed && id == uuid.Nil }
			missing = problem.New(problem.Precondition, "the artifact is in a storage backend that was deleted", "upload it again, or create a backend and upload it there")
		}
	}
	for _, b := range list {
		if chosen(b) {
			return b, usable(o, b)
		}
	}
	return registry.Backend{}, missing
}

func usable(o org.Organization, b registry.Backend) error {
	switch {
	case !b.Managed && b.Status != registry.BackendValid:
		return problem.New(problem.Denied, "the storage backend "+b.Name+" is not valid",
			"an administrator of the organization finds the cause with cas-backend list").WithReason(reasonBackendInvalid)
	case b.Status == registry.BackendPending && o.State == org.Degraded, b.Status == registry.BackendInvalid:
		return problem.New(problem.Denied, "the storage backend is not valid", degradedMessage).WithReason(reasonBackendInvalid)
	case b.Status == registry.BackendPending:
		return errProvisioning()
	}
	return nil
}

func errProvisioning() error {
	return problem.New(problem.Unavailable, "the organization's storage is being provisioned", "try again in a few seconds")
}
