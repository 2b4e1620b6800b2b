package federation

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/problem"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// The identifiers of RFC 8693 (§2.1, §3) and RFC 7523.
const (
	grantExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	typeJWT       = "urn:ietf:params:oauth:token-type:jwt"
	typeIDToken   = "urn:ietf:params:oauth:token-type:id_token"
)

// The limits of an exchange over HTTP. Its time is that of a call over gRPC.
const (
	maxForm      = 16 << 10 // bytes: a token, escaped, and a few names
	exchangeTime = 10 * time.Second
)

// ServeHTTP is the token exchange of RFC 8693. Its audience is the organization.
func (f *Federation) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), exchangeTime)
	defer cancel()
	r = r.WithContext(audit.WithOrigin(ctx, audit.Stranger(r)))
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_request", "error_description": "send a form of at most 16 KiB"})
		return
	}
	form := r.PostForm
	if form.Get("grant_type") != grantExchange {
		answer(w, http.StatusBadRequest, map[string]any{"error": "unsupported_grant_type", "error_description": "grant_type has to be " + grantExchange})
		return
	}
	if kind := form.Get("subject_token_type"); kind != typeJWT && kind != typeIDToken {
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_request", "error_description": "subject_token_type has to be " + typeIDToken + " or " + typeJWT})
		return
	}
	text, expires, err := f.Exchange(r.Context(), form.Get("audience"), form.Get("subject_token"))
	if err != nil {
		f.refuse(w, r, err)
		return
	}
	answer(w, http.StatusOK, map[string]any{
		"access_token": text, "issued_token_type": typeJWT, "token_type": "Bearer", "expires_in": int(time.Until(expires).Seconds()),
	})
}

// refuse answers with an error of RFC 6749 §5.2, and records it as the same call over gRPC
// is. What may work later is none of those.
func (f *Federation) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := problem.From(err)
	f.cfg.Log.InfoContext(r.Context(), "pipeline refused", "kind", p.Kind().String(), "error", err)
	switch p.Kind() {
	case problem.Denied, problem.Unauthenticated:
		f.cfg.Audit.Denied(audit.Event{
			Chain: audit.Installation, Time: time.Now(), Action: audit.Call, Object: "method" + managedcasv1.FederationService_Exchange_FullMethodName,
			Outcome: audit.Denied, Reason: p.Reason(), Origin: audit.OriginFrom(r.Context()),
		})
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant", "error_description": p.Public()})
	default:
		problem.WriteHTTP(w, err)
	}
}

func answer(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may have gone
}
