// Package issuer is an OpenID provider that says what a test wants it to: it signs any
// claims, for CI jobs as for people who sign in, and its keys are fetched over HTTP. Only
// tests import it.
package issuer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Issuer is a provider on loopback.
type Issuer struct {
	URL string

	mu       sync.Mutex
	keys     []jose.JSONWebKey
	fetched  int
	down     bool
	document map[string]any        // what discovery says otherwise
	claims   map[string]any        // of the next ID token, over the usual ones
	asked    map[string]url.Values // what was asked with each code
}

// New starts one.
func New(t testing.TB) *Issuer {
	t.Helper()
	i := &Issuer{asked: map[string]url.Values{}, document: map[string]any{}}
	i.Rotate(t, jose.RS256, "first")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", i.discovery)
	mux.HandleFunc("GET /keys", i.jwks)
	mux.HandleFunc("GET /authorize", i.authorize)
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) { i.token(t, w, r) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	i.URL = server.URL
	return i
}

// Rotate replaces the key that signs; the ones before stay published.
func (i *Issuer) Rotate(t testing.TB, algorithm jose.SignatureAlgorithm, kid string) {
	t.Helper()
	var private any
	var err error
	switch algorithm {
	case jose.ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = append([]jose.JSONWebKey{{Key: private, KeyID: kid, Algorithm: string(algorithm), Use: "sig"}}, i.keys...)
}

// Withdraw has the issuer publish a key no longer.
func (i *Issuer) Withdraw(kid string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = slices.DeleteFunc(i.keys, func(k jose.JSONWebKey) bool { return k.KeyID == kid })
}

// Down has the issuer answer nothing but errors, or answer again.
func (i *Issuer) Down(down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = down
}

// Say has discovery say something else.
func (i *Issuer) Say(name string, value any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.document[name] = value
}

// Next gives the next ID tokens other claims than the usual ones.
func (i *Issuer) Next(claims map[string]any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.claims = claims
}

// Fetched returns how often the keys were asked for.
func (i *Issuer) Fetched() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fetched
}

// Sign returns a token with the claims of a CI job, or of somebody, over which those given
// go; a nil takes one away.
func (i *Issuer) Sign(t testing.TB, claims map[string]any) string {
	t.Helper()
	now := time.Now()
	all := map[string]any{"iss": i.URL, "sub": "somebody", "jti": rand.Text(), "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(5 * time.Minute).Unix()}
	maps.Copy(all, claims)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	i.mu.Lock()
	key := i.keys[0]
	i.mu.Unlock()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(key.Algorithm), Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(all).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (i *Issuer) discovery(w http.ResponseWriter, _ *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.down {
		http.Error(w, "down", http.StatusInternalServerError)
		return
	}
	document := map[string]any{
		"issuer": i.URL, "jwks_uri": i.URL + "/keys", "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token",
		"id_token_signing_alg_values_supported": []string{"RS256"},
	}
	maps.Copy(document, i.document)
	answer(w, document)
}

func (i *Issuer) jwks(w http.ResponseWriter, _ *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.fetched++
	if i.down {
		http.Error(w, "down", http.StatusInternalServerError)
		return
	}
	var set jose.JSONWebKeySet
	for _, k := range i.keys {
		set.Keys = append(set.Keys, k.Public())
	}
	answer(w, set)
}

// authorize lets everybody in at once, who is somebody.
func (i *Issuer) authorize(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	code := rand.Text()
	i.mu.Lock()
	i.asked[code] = query
	i.mu.Unlock()
	http.Redirect(w, r, query.Get("redirect_uri")+"?"+url.Values{"code": {code}, "state": {query.Get("state")}}.Encode(), http.StatusSeeOther)
}

// token is good once for each code, for who can show what its challenge was made of
// (RFC 7636 §4.6).
func (i *Issuer) token(t testing.TB, w http.ResponseWriter, r *http.Request) {
	client, _, _ := r.BasicAuth()
	i.mu.Lock()
	asked, ok := i.asked[r.PostFormValue("code")]
	delete(i.asked, r.PostFormValue("code"))
	over := i.claims
	i.mu.Unlock()
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	proven := asked.Get("code_challenge_method") == "S256" && asked.Get("code_challenge") == base64.RawURLEncoding.EncodeToString(sum[:])
	if !ok || !proven || client != asked.Get("client_id") || asked.Get("redirect_uri") != r.PostFormValue("redirect_uri") {
		w.WriteHeader(http.StatusBadRequest)
		answer(w, map[string]any{"error": "invalid_grant"})
		return
	}
	claims := map[string]any{"aud": client, "nonce": asked.Get("nonce"), "email": "somebody@example.com", "email_verified": true}
	maps.Copy(claims, over)
	answer(w, map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": i.Sign(t, claims)})
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}
