package main

import (
	"log/slog"
	"net"
	"net/http"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/webui"
)

// newPages returns the web pages, and the listener from where they call the services.
func newPages(tls bool, log *slog.Logger) (net.Listener, http.Handler, error) {
	listener, conn, err := webui.InProcess()
	if err != nil {
		return nil, nil, err
	}
	pages, err := webui.New(webui.Config{API: conn, Cookie: auth.LoginCookie{Secure: tls}, Log: log, Version: version})
	if err != nil {
		return nil, nil, err
	}
	return listener, pages, nil
}
