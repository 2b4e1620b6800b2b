package problem

import (
	"encoding/json"
	"maps"
	"math"
	"net/http"
	"strconv"
)

// document is the body of an HTTP error: problem details as in RFC 9457, with the
// kind, reason and hint as extension members.
type document struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Kind   string `json:"kind"`
	Reason string `json:"reason"`
	Hint   string `json:"hint,omitempty"`
}

// Told is a ResponseWriter that is told what a request is answered with: a status stands for
// several kinds and many reasons.
type Told interface{ Failed(p *Problem) }

// WriteHTTP answers a request with err: the status of its kind, and a body of type
// application/problem+json. The header must not have been written yet.
func WriteHTTP(w http.ResponseWriter, err error) { WriteHTTPWith(w, err, nil) }

// WriteHTTPWith is WriteHTTP with further members, as a problem type has them.
func WriteHTTPWith(w http.ResponseWriter, err error, members map[string]any) {
	p := From(err)
	if p == nil {
		p = New(Internal, "server error", "")
	}
	if told, ok := w.(Told); ok {
		told.Failed(p)
	}
	status := p.kind.HTTPStatus()
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Del("Content-Length")
	h.Del("Content-Disposition")
	if p.kind == Unauthenticated {
		// A 401 must name a scheme (RFC 9110 §11.6.1).
		h.Set("WWW-Authenticate", "Bearer")
	}
	if after := p.RetryAfter(); after > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	}
	w.WriteHeader(status)
	// The client may have gone; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(document{
		Title:  p.kind.String(),
		Status: status,
		Detail: p.message,
		Kind:   p.kind.String(),
		Reason: p.Reason(),
		Hint:   p.hint,
	}.with(members))
}

// with returns what is encoded: the document itself, or its members and others.
func (d document) with(members map[string]any) any {
	if len(members) == 0 {
		return d
	}
	all := map[string]any{"title": d.Title, "status": d.Status, "detail": d.Detail, "kind": d.Kind, "reason": d.Reason}
	if d.Hint != "" {
		all["hint"] = d.Hint
	}
	maps.Copy(all, members)
	return all
}
