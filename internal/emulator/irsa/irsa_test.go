package irsa_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/emulator/irsa"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

func open(t *testing.T, file string) (*irsa.Service, *state.DB) {
	t.Helper()
	db, err := state.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	return irsa.New(irsa.Config{DB: db, Region: "eu-west-1"}), db
}

// claims verifies a token with the issuer's published key and returns what it says.
func claims(t *testing.T, s *irsa.Service, issuer, token string) (c jwt.Claims) {
	t.Helper()
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	key, err := s.Key(issuer, parsed.Headers[0].KeyID)
	if err != nil || key == nil || !key.IsPublic() {
		t.Fatalf("key %v, %v", key, err)
	}
	if err := parsed.Claims(key, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// Source: https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens
func TestTokensOutliveARestart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.db")
	s, db := open(t, file)
	issuer, err := s.Issuer("prod")
	if err != nil {
		t.Fatal(err)
	}
	token, err := s.Token(irsa.ServiceAccount{Cluster: "prod", Namespace: "cas", Name: "backend", Lifetime: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s, db = open(t, file)
	defer db.Close()
	got := claims(t, s, issuer, token)
	if got.Subject != "system:serviceaccount:cas:backend" || got.Issuer != issuer || got.Expiry.Time().Sub(got.IssuedAt.Time()) != time.Hour {
		t.Errorf("got %+v", got)
	}
	if diff := cmp.Diff(jwt.Audience{"sts.amazonaws.com"}, got.Audience); diff != "" {
		t.Error(diff)
	}
	other, err := s.Issuer("test")
	if err != nil || other == issuer {
		t.Errorf("two clusters have the issuer %s (%v)", other, err)
	}
	if key, err := s.Key(other, "made up"); key != nil || err != nil {
		t.Errorf("a made-up id is the key %v, %v", key, err)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	s, db := open(t, filepath.Join(t.TempDir(), "state.db"))
	t.Cleanup(func() { _ = db.Close() })
	for name, account := range map[string]irsa.ServiceAccount{
		"no cluster":          {Namespace: "n", Name: "s"},
		"colon in a name":     {Cluster: "c", Namespace: "n", Name: "s:t"},
		"colon in namespaces": {Cluster: "c", Namespace: "n:s", Name: "t"},
		"short life":          {Cluster: "c", Namespace: "n", Name: "s", Lifetime: 9 * time.Minute},
		"negative life":       {Cluster: "c", Namespace: "n", Name: "s", Lifetime: -time.Hour},
	} {
		if _, err := s.Token(account); err == nil {
			t.Errorf("%s: a token", name)
		}
	}
	for _, issuer := range []string{"", "https://issuer.example", "https://oidc.eks.eu-west-1.amazonaws.com/id/", "https://oidc.eks.eu-west-1.amazonaws.com/id/NONE"} {
		if _, err := s.Key(issuer, "k"); !errors.Is(err, irsa.ErrNotIssuer) {
			t.Errorf("%q: %v", issuer, err)
		}
	}
}
