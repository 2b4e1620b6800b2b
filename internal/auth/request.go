package auth

import (
	"context"
	"net/http"
)

// RequestContext is Request for handlers that share their work with a gRPC method: the
// caller is where CallerFrom sees it.
func (t *Tokens) RequestContext(r *http.Request) (context.Context, error) {
	caller, err := t.Request(r)
	if err != nil {
		return nil, err
	}
	return context.WithValue(r.Context(), callerKey{}, caller), nil
}
