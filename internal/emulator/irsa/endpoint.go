package irsa

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/go-jose/go-jose/v4"

	"github.com/managedcas/managedcas/internal/emulator/state"
)

// Path is where the documents of the issuers are on the embedded AWS: under it, for each
// cluster that exists, what EKS has at the issuer's URL.
const Path = "/_aws/oidc/"

// discovery is what EKS answers
// (https://openid.net/specs/openid-connect-discovery-1_0.html, section 3).
type discovery struct {
	Issuer     string   `json:"issuer"`
	JWKSURI    string   `json:"jwks_uri"`
	Endpoint   string   `json:"authorization_endpoint"`
	Responses  []string `json:"response_types_supported"`
	Subjects   []string `json:"subject_types_supported"`
	Algorithms []string `json:"id_token_signing_alg_values_supported"`
	Claims     []string `json:"claims_supported"`
}

// Handler answers GET Path + CLUSTER + "/.well-known/openid-configuration" and "/keys".
// Both are public; tokens are given out by Token alone.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Path+"{cluster}/.well-known/openid-configuration", s.document(s.discovery))
	mux.HandleFunc("GET "+Path+"{cluster}/keys", s.document(keySet))
	return mux
}

// document answers with what of makes of an existing cluster.
func (s *Service) document(of func(cluster) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := s.byName(r.PathValue("cluster"))
		if errors.Is(err, state.ErrNotFound) {
			http.Error(w, "there is no such cluster", http.StatusNotFound)
			return
		}
		var body any
		if err == nil {
			body, err = of(c)
		}
		if err != nil {
			http.Error(w, "the cluster cannot be read", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(body)
	}
}

func (s *Service) discovery(c cluster) (any, error) {
	issuer := s.issuerURL(c.ID)
	return discovery{
		Issuer:     issuer,
		JWKSURI:    issuer + "/keys",
		Endpoint:   "urn:kubernetes:programmatic_authorization",
		Responses:  []string{"id_token"},
		Subjects:   []string{"public"},
		Algorithms: []string{string(jose.RS256)},
		Claims:     []string{"sub", "iss"},
	}, nil
}

func keySet(c cluster) (any, error) {
	key, err := c.jwk()
	if err != nil {
		return nil, err
	}
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key.Public()}}, nil
}
