package webidentity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// TestRotation: a new key is found when it is first used, and one that was withdrawn is
// not believed for long.
func TestRotation(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var current atomic.Value
	current.Store("old")
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(discovery{Issuer: srv.URL, JWKSURI: srv.URL + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		id, _ := current.Load().(string)
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: id}}})
	})
	now := time.Now()
	s := NewIssuers()
	s.now = func() time.Time { return now }
	knows := func(id string) bool {
		t.Helper()
		got, err := s.Key(t.Context(), Provider{Issuer: srv.URL}, id)
		return err == nil && got != nil
	}
	if !knows("old") || knows("new") {
		t.Fatal("before the change the old key is the only one")
	}
	current.Store("new")
	if knows("new") {
		t.Error("the issuer was asked again at once")
	}
	now = now.Add(interval)
	if !knows("new") || knows("old") {
		t.Error("after the change the new key is the only one")
	}
	current.Store("newest")
	now = now.Add(lifetime)
	if knows("new") {
		t.Error("a withdrawn key is believed")
	}
}
