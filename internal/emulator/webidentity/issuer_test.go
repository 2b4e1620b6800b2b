package webidentity_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/webidentity"
)

// issuer is an OpenID Connect issuer on a loopback address.
type issuer struct {
	srv     *httptest.Server
	fetched atomic.Int32 // key sets given out

	mu        sync.Mutex
	keys      map[string]*ecdsa.PrivateKey
	discovery map[string]any // replaces members of the document
	answer    http.HandlerFunc
	use       string // of the published keys
	algorithm string
}

func newIssuer(t *testing.T, start func(http.Handler) *httptest.Server) *issuer {
	t.Helper()
	i := &issuer{keys: map[string]*ecdsa.PrivateKey{}, use: "sig", algorithm: "ES256"}
	i.srv = start(i)
	t.Cleanup(i.srv.Close)
	i.addKey(t, "one")
	return i
}

func (i *issuer) addKey(t *testing.T, id string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys[id] = key
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.answer != nil {
		i.answer(w, r)
		return
	}
	var body any
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		document := map[string]any{"issuer": i.srv.URL, "jwks_uri": i.srv.URL + "/keys"}
		maps.Copy(document, i.discovery)
		body = document
	case "/keys":
		i.fetched.Add(1)
		var set jose.JSONWebKeySet
		for id, key := range i.keys {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.Public(), KeyID: id, Algorithm: i.algorithm, Use: i.use})
		}
		body = set
	default:
		http.NotFound(w, r)
		return
	}
	_ = json.NewEncoder(w).Encode(body)
}

func (i *issuer) provider() webidentity.Provider {
	return webidentity.Provider{Issuer: i.srv.URL, ClientIDs: []string{"sts.amazonaws.com"}}
}

type claims = map[string]any

// token signs good claims, changed by change; nil removes a claim.
func (i *issuer) token(t *testing.T, keyID string, change claims) string {
	t.Helper()
	now := time.Now()
	c := claims{
		"iss": i.srv.URL, "sub": "system:serviceaccount:cas:controlplane", "aud": []string{"sts.amazonaws.com"},
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	for name, value := range change {
		c[name] = value
		if value == nil {
			delete(c, name)
		}
	}
	i.mu.Lock()
	key := i.keys[keyID]
	i.mu.Unlock()
	if key == nil { // made up: signed with a key that nobody publishes
		var err error
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	return sign(t, jose.ES256, key, keyID, c)
}

func sign(t *testing.T, algorithm jose.SignatureAlgorithm, key any, keyID string, c any) string {
	t.Helper()
	options := &jose.SignerOptions{}
	if keyID != "" {
		options = options.WithHeader("kid", keyID)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(c).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func thumbprint(srv *httptest.Server) string {
	sum := sha1.Sum(srv.Certificate().Raw)
	return hex.EncodeToString(sum[:])
}

// code is the AWS error code of err, "" for none.
func code(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*api.Error](err); ok {
		return e.Code
	}
	return "not an AWS error: " + err.Error()
}
