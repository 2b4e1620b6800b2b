package webidentity_test

import (
	"crypto/rand"
	"crypto/rsa"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/emulator/webidentity"
)

// Source: the error section of
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html;
// for the audience also https://github.com/awslabs/amazon-eks-irsa-cfn/pull/18.
func TestVerify(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, httptest.NewServer)
	keys := webidentity.NewIssuers()
	now := time.Now()
	good := webidentity.Identity{Subject: "system:serviceaccount:cas:controlplane", Audience: "sts.amazonaws.com"}
	for _, row := range []struct {
		name   string
		change claims
		want   webidentity.Identity
		code   string
		text   string
	}{
		{"good", nil, good, "", ""},
		{"audience as a string", claims{"aud": "sts.amazonaws.com"}, good, "", ""},
		{"authorized party counts as the audience", claims{"aud": "api", "azp": "sts.amazonaws.com"}, good, "", ""},
		{"party that is no client id", claims{"azp": "other"}, webidentity.Identity{}, "InvalidIdentityToken", "audience"},
		{"methods", claims{"amr": []string{"mfa"}}, webidentity.Identity{Subject: good.Subject, Audience: good.Audience, Methods: []string{"mfa"}}, "", ""},
		{"issued a little ahead of this clock", claims{"iat": now.Add(time.Minute).Unix()}, good, "", ""},
		{"wrong audience", claims{"aud": "vault"}, webidentity.Identity{}, "InvalidIdentityToken", "Incorrect token audience"},
		{"one of several audiences", claims{"aud": []string{"sts.amazonaws.com", "vault"}}, webidentity.Identity{}, "InvalidIdentityToken", "audience"},
		{"no audience", claims{"aud": nil}, webidentity.Identity{}, "InvalidIdentityToken", "audience"},
		{"expired", claims{"exp": now.Add(-time.Second).Unix()}, webidentity.Identity{}, "ExpiredTokenException", "Token expired"},
		{"never expires", claims{"exp": nil}, webidentity.Identity{}, "InvalidIdentityToken", "exp"},
		{"no time of issue", claims{"iat": nil}, webidentity.Identity{}, "InvalidIdentityToken", "iat"},
		{"issued in the future", claims{"iat": now.Add(time.Hour).Unix()}, webidentity.Identity{}, "InvalidIdentityToken", "future"},
		{"not valid yet", claims{"nbf": now.Add(time.Hour).Unix()}, webidentity.Identity{}, "InvalidIdentityToken", "not valid yet"},
		{"no subject", claims{"sub": nil}, webidentity.Identity{}, "InvalidIdentityToken", "subject"},
		{"long subject", claims{"sub": strings.Repeat("x", 256)}, webidentity.Identity{}, "InvalidIdentityToken", "subject"},
		{"another issuer", claims{"iss": "https://issuer.example"}, webidentity.Identity{}, "InvalidIdentityToken", "issuer"},
		{"session tags", claims{"https://aws.amazon.com/tags": claims{"principal_tags": claims{"org": []string{"a"}}}}, webidentity.Identity{}, "NotImplemented", "tags"},
		{"source identity", claims{"https://aws.amazon.com/source_identity": "alice"}, webidentity.Identity{}, "NotImplemented", "source identity"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got, err := webidentity.Verify(t.Context(), keys, i.provider(), i.token(t, "one", row.change), now)
			if code(err) != row.code || err != nil && !strings.Contains(err.Error(), row.text) {
				t.Fatalf("got %v, want %q about %q", err, row.code, row.text)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A token is not believed for what it says of its own signature.
func TestForgedTokens(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, httptest.NewServer)
	keys := webidentity.NewIssuers()
	good := i.token(t, "one", nil)
	parts := strings.Split(good, ".")
	none := "eyJhbGciOiJub25lIiwia2lkIjoib25lIn0" // {"alg":"none","kid":"one"}
	own, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	other := strings.Split(i.token(t, "one", claims{"sub": "system:serviceaccount:kube-system:admin"}), ".")
	good1 := claims{"iss": i.srv.URL, "sub": "s", "aud": "sts.amazonaws.com", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}
	for name, token := range map[string]string{
		"empty":              "",
		"not a token":        "token",
		"no signature":       parts[0] + "." + parts[1] + ".",
		"algorithm none":     none + "." + parts[1] + ".",
		"another's payload":  parts[0] + "." + other[1] + "." + parts[2],
		"key of another":     i.token(t, "two", nil),
		"own key, known id":  sign(t, jose.RS256, own, "one", good1),
		"no key id":          i.token(t, "", nil),
		"shared secret":      sign(t, jose.HS256, []byte(strings.Repeat("k", 32)), "one", good1),
		"unlisted algorithm": sign(t, jose.PS256, own, "one", good1),
	} {
		if _, err := webidentity.Verify(t.Context(), keys, i.provider(), token, time.Now()); code(err) != "InvalidIdentityToken" {
			t.Errorf("%s: got %v, want InvalidIdentityToken", name, err)
		}
	}
}

// A key is good for what its issuer publishes it for.
func TestPurposeOfKeys(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ use, algorithm, code string }{
		{"sig", "ES256", ""},
		{"", "", ""},
		{"enc", "ES256", "InvalidIdentityToken"},
		{"sig", "ECDH-ES", "InvalidIdentityToken"},
		{"sig", "ES384", "InvalidIdentityToken"},
	} {
		i := newIssuer(t, httptest.NewServer)
		i.use, i.algorithm = row.use, row.algorithm
		_, err := webidentity.Verify(t.Context(), webidentity.NewIssuers(), i.provider(), i.token(t, "one", nil), time.Now())
		if code(err) != row.code {
			t.Errorf("use %q, algorithm %q: got %v, want %q", row.use, row.algorithm, err, row.code)
		}
	}
}

func FuzzIssuer(f *testing.F) {
	for _, seed := range []string{"", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.eyJpc3MiOiJodHRwczovL2kifQ.AA"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		issuer, err := webidentity.Issuer(token)
		if err == nil && issuer == "" {
			t.Errorf("%q is a token of nobody", token)
		}
		if err != nil && code(err) != "InvalidIdentityToken" {
			t.Errorf("%q: %v", token, err)
		}
	})
}
