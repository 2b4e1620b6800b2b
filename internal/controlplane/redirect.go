package controlplane

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/problem"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

type redirects struct {
	controlplanev1.UnimplementedCASRedirectServiceServer
	server *Server
}

// GetDownloadURL returns where an artifact can be downloaded over HTTP, for minutes.
func (r redirects) GetDownloadURL(ctx context.Context, req *controlplanev1.GetDownloadURLRequest) (*controlplanev1.GetDownloadURLResponse, error) {
	o, err := callerOrganization(ctx)
	if err != nil {
		return nil, err
	}
	if r.server.cfg.PublicCAS == "" {
		return nil, problem.New(problem.Precondition, "this installation does not say where its artifact CAS is reached over HTTP",
			"use artifact download; or have the operator set controlplane.publicCasUrl")
	}
	grant, err := grantFor(o.ID, &controlplanev1.CASCredentialsServiceGetRequest{
		Role: controlplanev1.CASCredentialsServiceGetRequest_ROLE_DOWNLOADER, Digest: req.GetDigest(),
	})
	if err != nil {
		return nil, err
	}
	token, _, err := r.server.casToken(ctx, o, grant)
	if err != nil {
		return nil, err
	}
	at := strings.TrimSuffix(r.server.cfg.PublicCAS, "/") + "/download/" + grant.Digest.String() + "?" + url.Values{"t": {token}}.Encode()
	return &controlplanev1.GetDownloadURLResponse{Result: &controlplanev1.GetDownloadURLResponse_Result{Url: at}}, nil
}

// download is GetDownloadURL over HTTP, for whoever has a bearer token: with its time, its
// line in the log and the record of what is refused. Nobody may keep the answer, or tell the
// next page where it led.
func (s *Server) download(w http.ResponseWriter, r *http.Request) {
	const method = controlplanev1.CASRedirectService_GetDownloadURL_FullMethodName
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), callKey{}, &call{}), s.limiter.limits.CallTime)
	defer cancel()
	a := &asking{origin: originOfRequest(r), named: r.Header.Values(auth.OrganizationKey)}
	at, err := s.downloadURL(r.WithContext(ctx), method, a)
	s.auditRefusal(a, method, err)
	s.outcome(ctx, method, began, err)
	w.Header().Set(requestIDKey, a.origin.RequestID)
	if err != nil {
		problem.WriteHTTP(w, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Location", at)
	w.WriteHeader(http.StatusFound)
}

func (s *Server) downloadURL(r *http.Request, method string, a *asking) (string, error) {
	ctx, err := s.cfg.Tokens.RequestContext(r)
	if err != nil {
		return "", err
	}
	a.caller, _ = auth.CallerFrom(ctx)
	if err := s.limiter.called(ctx); err != nil {
		return "", err
	}
	if err := s.authorize(ctx, method, nil); err != nil {
		return "", err
	}
	resp, err := (redirects{server: s}).GetDownloadURL(ctx, &controlplanev1.GetDownloadURLRequest{Digest: r.PathValue("digest")})
	return resp.GetResult().GetUrl(), err
}
