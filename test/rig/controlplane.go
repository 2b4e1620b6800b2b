package rig

import (
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/controlplane"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/service"
)

// Site is what a client reaches: a control plane, an artifact CAS and a token of one
// organization.
type Site struct {
	ControlPlane string // host:port
	ArtifactCAS  string
	Token        string
	AdminToken   string // of the installation
	Org          org.ID
	OrgName      string
}

// Site serves both on loopback, with a ready organization called name.
func (r *Rig) Site(t testing.TB, name string) Site {
	t.Helper()
	api, tokens := r.services(t)
	server := service.NewGRPC(r.log, api.ServerOptions()...)
	api.Register(server)
	plane, artifacts := loopback(t), loopback(t)
	serve(t, server, plane)
	r.ServeGRPC(t, artifacts)

	site := Site{ControlPlane: plane.Addr().String(), ArtifactCAS: artifacts.Addr().String(), Org: org.NewID(), OrgName: name}
	r.create(t, site.Org, org.Name(name))
	owner, err := r.DB.OrganizationByID(t.Context(), site.Org)
	must(t, err)
	site.Token, _, err = tokens.Issue(t.Context(), auth.NewToken{Organization: owner, Name: "test"})
	must(t, err)
	site.AdminToken, _, err = tokens.Issue(t.Context(), auth.NewToken{Name: "admin"})
	must(t, err)
	return site
}

// services are those of the control plane, and the tokens that they accept.
func (r *Rig) services(t testing.TB) (*controlplane.Server, *auth.Tokens) {
	t.Helper()
	ring, err := auth.OpenKeyRing(t.Context(), r.DB, registry.KeyUseAPI)
	must(t, err)
	tokens := auth.NewTokens(r.DB, r.DB, ring, r.log)
	signer, err := auth.NewCASSigner(r.Keys, auth.DefaultCASLifetime)
	must(t, err)
	return controlplane.New(controlplane.Config{
		Store: r.DB, Tokens: tokens, Signer: signer, Keys: r.Keys, Log: slog.New(slog.DiscardHandler), Audit: r.Audit,
		Version: "test", MaxArtifactBytes: r.options.MaxBytes,
		Limits: controlplane.Limits{CallTime: time.Minute}, // others compute beside it
	}), tokens
}

func loopback(t testing.TB) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	return listener
}
