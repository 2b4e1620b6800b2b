package auth

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
)

// The messages that the stock client knows (facts WIRE §7.1).
const (
	invalid = "Token is invalid"
	expired = "JWT token has expired"
	missing = "JWT token is missing"
)

// TestI1_organizationComesFromTheToken is the table of tokens × named organizations.
func TestI1_organizationComesFromTheToken(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	acme, globex := in.organization(t, "acme"), in.organization(t, "globex")
	own, _ := in.issue(t, NewToken{Organization: acme, Name: "ci"})
	instance, _ := in.issue(t, NewToken{Name: "admin"})
	for _, tc := range []struct {
		name, token, names string
		want               org.ID
		kind               problem.Kind
		refused            bool
	}{
		{name: "own token, nothing named", token: own, want: acme.ID},
		{name: "own token, own organization named", token: own, names: "acme", want: acme.ID},
		{name: "own token, other organization named", token: own, names: "globex", refused: true, kind: problem.Denied},
		{name: "own token, unknown organization named", token: own, names: "initech", refused: true, kind: problem.Denied},
		{name: "own token, own id named", token: own, names: acme.ID.String(), refused: true, kind: problem.Denied},
		{name: "instance token, nothing named", token: instance},
		{name: "instance token, acme named", token: instance, names: "acme", want: acme.ID},
		{name: "instance token, globex named", token: instance, names: "globex", want: globex.ID},
		{name: "instance token, unknown organization named", token: instance, names: "initech", refused: true, kind: problem.Denied},
		{name: "instance token, no name at all", token: instance, names: "ACME%00", refused: true, kind: problem.Denied},
	} {
		caller, err := in.tokens.Verify(t.Context(), tc.token, tc.names)
		if tc.refused {
			wantProblem(t, tc.name, err, tc.kind, "")
			if r := problem.From(err).Reason(); r != reasonNotInOrg {
				t.Errorf("%s: reason %q, want the one that the client recovers from", tc.name, r)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if o, ok := caller.Organization(); o.ID != tc.want || ok == tc.want.IsZero() {
			t.Errorf("%s: acts in %v", tc.name, o)
		}
		if caller.Instance() != (tc.token == instance) || caller.Named() != (tc.names != "") || !caller.Known() {
			t.Errorf("%s: caller %+v", tc.name, caller)
		}
	}
	// Whether another organization exists is none of the token's business.
	_, known := in.tokens.Verify(t.Context(), own, "globex")
	_, unknown := in.tokens.Verify(t.Context(), own, "initech")
	if problem.From(known).Public() != problem.From(unknown).Public() {
		t.Errorf("answers differ: %v / %v", known, unknown)
	}
}

func TestTokenShape(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	acme := in.organization(t, "acme")
	text, record := in.issue(t, NewToken{Organization: acme, Name: "ci"})
	got := claimsOf(t, text)
	delete(got, "iat")
	// What the stock client reads out of tokens (facts WIRE §1.4).
	want := map[string]any{
		"iss": "cp.chainloop", "aud": []any{"api-token-auth.chainloop"}, "jti": record.ID.String(),
		"org_id": acme.ID.String(), "org_name": "acme", "token_name": "ci",
	}
	if audience, ok := got["aud"].(string); ok {
		got["aud"] = []any{audience}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
}

func TestForgedTokens(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	acme := in.organization(t, "acme")
	good, _ := in.issue(t, NewToken{Organization: acme, Name: "ci"})
	claims := claimsOf(t, good)
	current := in.api.keys[0]
	kid := current.record.ID
	with := func(key string, value any) map[string]any {
		changed := map[string]any{}
		for k, v := range claims {
			changed[k] = v
		}
		changed[key] = value
		return changed
	}
	parts := strings.Split(good, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"` + kid + `"}`))
	public, err := current.private.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	signer, err := NewCASSigner(in.cas, 0)
	if err != nil {
		t.Fatal(err)
	}
	casToken, err := signer.Sign(t.Context(), cas.Grant{Org: acme.ID, Role: cas.Uploader}, uuid.New())
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, token, text string }{
		{"nothing", "", missing},
		{"no JWT", "swordfish", invalid},
		{"unsigned (RFC 8725 §2.1)", none + "." + parts[1] + ".", invalid},
		{"public key as HMAC secret (RFC 8725 §2.1)", sign(t, jose.HS256, public, kid, claims), invalid},
		{"somebody's key under our id", sign(t, jose.ES256, newKey(t), kid, claims), invalid},
		{"somebody's key under its own id", sign(t, jose.ES256, newKey(t), "mine", claims), invalid},
		{"another token's payload", parts[0] + "." + strings.Split(casToken, ".")[1] + "." + parts[2], invalid},
		{"stolen key, same claims: not the token that was issued", sign(t, jose.ES256, current.private, kid, claims), invalid},
		{"stolen key, made-up id", sign(t, jose.ES256, current.private, kid, with("jti", uuid.NewString())), invalid},
		{"stolen key, no id", sign(t, jose.ES256, current.private, kid, with("jti", "")), invalid},
		{"stolen key, other audience", sign(t, jose.ES256, current.private, kid, with("aud", casAudience)), invalid},
		{"stolen key, other issuer", sign(t, jose.ES256, current.private, kid, with("iss", "eve")), invalid},
		{"stolen key, expired", sign(t, jose.ES256, current.private, kid, with("exp", 1)), expired},
		{"stolen key, from the future", sign(t, jose.ES256, current.private, kid, with("nbf", time.Now().Add(time.Hour).Unix())), invalid},
		{"CAS token", casToken, invalid},
		{"too long", good + strings.Repeat("A", maxToken), invalid},
		{"JSON serialization", `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`, invalid},
	} {
		_, err := in.tokens.Verify(t.Context(), tc.token, "")
		wantProblem(t, tc.name, err, problem.Unauthenticated, tc.text)
		if err != nil && tc.token != "" && strings.Contains(err.Error(), tc.token) {
			t.Errorf("%s: the error contains the token", tc.name)
		}
	}
	if _, err := in.tokens.Verify(t.Context(), good, ""); err != nil {
		t.Errorf("the good token: %v", err)
	}
	if strings.Contains(in.log.String(), parts[2]) {
		t.Error("a token is in the log")
	}
}

func TestTokenLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := newInstallationInBubble(t)
		defer in.db.Close()
		acme, globex := in.organization(t, "acme"), in.organization(t, "globex")
		text, record := in.issue(t, NewToken{Organization: acme, Name: "ci", Lifetime: time.Hour})
		if _, err := in.tokens.Verify(t.Context(), text, ""); err != nil {
			t.Fatal(err)
		}
		if used, err := in.db.Token(t.Context(), record.ID); err != nil || used.LastUsedAt.IsZero() {
			t.Errorf("the use is not recorded: %+v, %v", used, err)
		}
		if _, _, err := in.tokens.Issue(t.Context(), NewToken{Organization: acme, Name: "ci"}); !errors.Is(err, registry.ErrExists) {
			t.Errorf("second token of that name: %v, want ErrExists", err)
		}
		if text, _, err := in.tokens.Issue(t.Context(), NewToken{Organization: acme, Name: "past", Lifetime: -time.Hour}); err == nil || text != "" {
			t.Error("a lifetime that has passed made a token, which would not expire")
		}
		time.Sleep(time.Hour)
		_, err := in.tokens.Verify(t.Context(), text, "")
		wantProblem(t, "after its hour", err, problem.Unauthenticated, expired)

		fresh, freshRecord := in.issue(t, NewToken{Organization: acme, Name: "ci", Replace: true})
		if _, err := in.tokens.Verify(t.Context(), fresh, ""); err != nil {
			t.Fatal(err)
		}
		if err := in.tokens.Revoke(t.Context(), globex.ID, freshRecord.ID); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("globex revokes acme's token: %v, want ErrNotFound", err)
		}
		if err := in.tokens.Revoke(t.Context(), acme.ID, freshRecord.ID); err != nil {
			t.Fatal(err)
		}
		_, err = in.tokens.Verify(t.Context(), fresh, "")
		wantProblem(t, "after revocation", err, problem.Unauthenticated, invalid)

		last, _ := in.issue(t, NewToken{Organization: acme, Name: "ci"})
		for _, state := range []org.State{org.Deleting, org.Deleted} {
			if _, err := in.db.SetOrganizationState(t.Context(), acme.ID, state, ""); err != nil {
				t.Fatal(err)
			}
		}
		_, err = in.tokens.Verify(t.Context(), last, "")
		wantProblem(t, "after its organization", err, problem.Unauthenticated, invalid)
	})
}

// TestI12_databaseDownIsNotABadToken: clients throw refused tokens away.
func TestI12_databaseDownIsNotABadToken(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	text, _ := in.issue(t, NewToken{Name: "admin"})
	if err := in.db.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := in.tokens.Verify(t.Context(), text, "")
	wantProblem(t, "database closed", err, problem.Unavailable, "")
}

func FuzzVerify(f *testing.F) {
	f.Add("")
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.e30.AA")
	f.Add(`{"payload":"e30","signatures":[{"protected":"e30","signature":""},{}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		key := newKey(t)
		_, err := NewCASVerifier(StaticKeys{"k": &key.PublicKey}).Grant(t.Context(), text)
		wantProblem(t, text, err, problem.Unauthenticated, "")
	})
}

func TestBearer(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"Bearer x": "x", "bearer x": "x", "BEARER  x ": "x", "Basic x": "", "Bearer": "", "": "", "x": "", "Bearerx": "",
	} {
		if got := Bearer(header); got != want {
			t.Errorf("Bearer(%q) = %q, want %q", header, got, want)
		}
	}
}
