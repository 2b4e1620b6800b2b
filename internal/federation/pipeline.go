package federation

import (
	"crypto/sha256"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4/json"

	"github.com/managedcas/managedcas/internal/idtoken"
	"github.com/managedcas/managedcas/internal/registry"
)

// pipeline is a job, as a token that its provider has signed tells it.
type pipeline struct {
	*oidc.IDToken

	claims map[string]any    // all of them, with numbers as they are written
	sum    [sha256.Size]byte // tells the token from all others
}

func newPipeline(t *oidc.IDToken) (pipeline, error) {
	var payload json.RawMessage
	if err := t.Claims(&payload); err != nil {
		return pipeline{}, errRefused(err)
	}
	claims, err := idtoken.Claims(payload)
	if err != nil {
		return pipeline{}, errRefused(err)
	}
	p := pipeline{IDToken: t, claims: claims}
	// By its id (RFC 7519 §4.1.7), or else by all that it says. Not by its text: some
	// signatures can be written in two ways.
	what := "claims\x00" + string(payload)
	if id, _ := p.claims["jti"].(string); id != "" {
		what = "jti\x00" + id
	}
	p.sum = sha256.Sum256([]byte(t.Issuer + "\x00" + what))
	return p, nil
}

// skew is how far the clocks of two replicas may be apart: what one does not accept any
// more, another one may.
const skew = 5 * time.Minute

// end is the time from which on no replica accepts the token.
func (p pipeline) end() time.Time {
	last := p.IssuedAt.Add(maxAge)
	if p.Expiry.Before(last) {
		last = p.Expiry
	}
	return last.Add(skew)
}

// in reports whether t lets the pipeline in.
func (p pipeline) in(t registry.Trust) bool {
	if t.Issuer != p.Issuer || len(p.Audience) != 1 || p.Audience[0] != t.Audience {
		return false
	}
	for name, want := range t.Claims {
		if text(p.claims[name]) != want || want == "" {
			return false
		}
	}
	return slices.ContainsFunc(t.Subjects, func(pattern string) bool { return registry.Matches(pattern, p.Subject) })
}

// text is a claim as a trust writes it: providers have the same id now as a number, now as
// a string. It is empty for a claim that is missing, or something else.
func text(claim any) string {
	switch v := claim.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "true"
		}
		return "false"
	}
	return ""
}
