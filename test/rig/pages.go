package rig

import (
	"net/http/httptest"
	"testing"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/service"
	"github.com/managedcas/managedcas/internal/webui"
)

// Pages serves the control plane over HTTP with its web pages, and returns its URL and the
// tokens that they accept.
func (r *Rig) Pages(t testing.TB) (url string, tokens *auth.Tokens) {
	t.Helper()
	services, tokens := r.services(t)
	server := service.NewGRPC(r.log, services.ServerOptions()...)
	services.Register(server)
	listener, conn, err := webui.InProcess()
	must(t, err)
	serve(t, server, listener)
	t.Cleanup(func() { _ = conn.Close() })
	pages, err := webui.New(webui.Config{API: conn, Log: r.log, Version: "test"})
	must(t, err)
	web := httptest.NewServer(services.HTTPHandler(pages))
	t.Cleanup(web.Close)
	return web.URL, tokens
}
