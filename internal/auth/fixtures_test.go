package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
)

func TestMain(m *testing.M) { databasetest.MainOnEach(m, database.Migrate) }

// installation is a control plane's tokens over a real database.
type installation struct {
	db     *database.DB
	tokens *Tokens
	api    *KeyRing
	cas    *KeyRing
	log    *strings.Builder
}

func newInstallation(t *testing.T) *installation {
	t.Helper()
	return newInstallationOn(t, databasetest.Fresh(t, database.Migrate))
}

// newInstallationInBubble is for synctest, and on SQLite alone: the time of a bubble stands
// still while one of its goroutines reads from a connection, as PostgreSQL's driver does in
// the background when a write took it long.
func newInstallationInBubble(t *testing.T) *installation {
	t.Helper()
	return newInstallationOn(t, databasetest.SQLite(t, database.Migrate))
}

func newInstallationOn(t *testing.T, target string) *installation {
	t.Helper()
	db, err := database.Open(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	in := &installation{db: db, log: &strings.Builder{}}
	for use, ring := range map[registry.KeyUse]**KeyRing{registry.KeyUseAPI: &in.api, registry.KeyUseCAS: &in.cas} {
		if *ring, err = OpenKeyRing(t.Context(), db, use); err != nil {
			t.Fatal(err)
		}
	}
	in.tokens = NewTokens(db, db, in.api, slog.New(slog.NewTextHandler(in.log, nil)))
	return in
}

func (in *installation) organization(t *testing.T, name org.Name) org.Organization {
	t.Helper()
	o := org.Organization{ID: org.NewID(), Name: name, State: org.Pending, CreatedAt: time.Now()}
	if err := in.db.CreateOrganization(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return o
}

func (in *installation) issue(t *testing.T, n NewToken) (string, registry.Token) {
	t.Helper()
	text, record, err := in.tokens.Issue(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return text, record
}

// sign makes a token with any key and claims, as a forger would.
func sign(t *testing.T, algorithm jose.SignatureAlgorithm, key any, kid string, claims any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", kid))
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// claimsOf reads the claims of a token without believing them.
func claimsOf(t *testing.T, text string) map[string]any {
	t.Helper()
	token, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{algorithm})
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := token.UnsafeClaimsWithoutVerification(&claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// wantProblem checks the kind and the text that a client sees.
func wantProblem(t *testing.T, name string, err error, kind problem.Kind, text string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: accepted", name)
		return
	}
	p := problem.From(err)
	if p.Kind() != kind || text != "" && p.Public() != text {
		t.Errorf("%s: %v %q (%v), want %v %q", name, p.Kind(), p.Public(), err, kind, text)
	}
}
