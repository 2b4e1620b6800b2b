package auth

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
)

func TestCASTokenRoundTrip(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	signer, err := NewCASSigner(in.cas, 0)
	if err != nil {
		t.Fatal(err)
	}
	id, d := org.NewID(), digest.Of([]byte("hello\n"))
	for _, tc := range []struct {
		grant  cas.Grant
		claims []string
	}{
		{cas.Grant{Org: id, Role: cas.Downloader, Digest: d}, []string{"aud", "backend", "digest", "exp", "iat", "iss", "jti", "org-id", "role"}},
		{cas.Grant{Org: id, Role: cas.Uploader, MaxBytes: 1 << 30}, []string{"aud", "backend", "exp", "iat", "iss", "jti", "maxbytes", "org-id", "role"}},
		{cas.Grant{Org: id, Role: cas.Uploader, Digest: d}, []string{"aud", "backend", "digest", "exp", "iat", "iss", "jti", "org-id", "role"}},
	} {
		tc.grant.Backend = uuid.New()
		text, err := signer.Sign(t.Context(), tc.grant, tc.grant.Backend)
		if err != nil {
			t.Fatal(err)
		}
		// I10: these claims and no others; none of them is about AWS.
		if diff := cmp.Diff(tc.claims, slices.Sorted(maps.Keys(claimsOf(t, text)))); diff != "" {
			t.Errorf("claims (-want +got):\n%s", diff)
		}
		got, err := NewCASVerifier(in.cas).Grant(t.Context(), text)
		if err != nil || got.TokenID == "" {
			t.Fatalf("%+v, %v", got, err)
		}
		got.TokenID = ""
		if got != tc.grant {
			t.Errorf("signed %+v, got %+v", tc.grant, got)
		}
	}
}

func TestCASSignerRefuses(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	signer, err := NewCASSigner(in.cas, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	id := org.NewID()
	for name, grant := range map[string]cas.Grant{
		"no organization":           {Role: cas.Uploader},
		"no role":                   {Org: id},
		"unknown role":              {Org: id, Role: "admin"},
		"downloader of anything":    {Org: id, Role: cas.Downloader},
		"uploader below zero bytes": {Org: id, Role: cas.Uploader, MaxBytes: -1},
	} {
		if text, err := signer.Sign(t.Context(), grant, uuid.New()); err == nil {
			t.Errorf("%s: signed %s", name, text)
		}
	}
	for _, lifetime := range []time.Duration{-1, time.Second - 1, MaxCASLifetime + 1} {
		if _, err := NewCASSigner(in.cas, lifetime); err == nil {
			t.Errorf("lifetime %v is accepted", lifetime)
		}
	}
}

// TestCASVerifierRefuses signs with the right key what the signer would never sign.
func TestCASVerifierRefuses(t *testing.T) {
	t.Parallel()
	key, now := newKey(t), time.Now()
	verifier := NewCASVerifier(StaticKeys{"k": &key.PublicKey})
	good := map[string]any{
		"iss": issuer, "aud": casAudience, "jti": "1", "exp": now.Add(time.Minute).Unix(),
		"org-id": org.NewID().String(), "role": "uploader", "backend": uuid.NewString(),
	}
	if _, err := verifier.Grant(t.Context(), sign(t, jose.ES256, key, "k", good)); err != nil {
		t.Fatalf("the good one: %v", err)
	}
	for _, tc := range []struct {
		name  string
		claim string
		value any
		text  string
	}{
		{"no organization", "org-id", nil, invalid},
		{"organization in capitals", "org-id", strings.ToUpper(org.NewID().String()), invalid},
		{"nil organization", "org-id", uuid.Nil.String(), invalid},
		{"unknown role", "role", "owner", invalid},
		{"downloader of anything", "role", "downloader", invalid},
		{"digest that is none", "digest", "sha256:../..", invalid},
		{"negative limit", "maxbytes", -1, invalid},
		{"no id", "jti", nil, invalid},
		{"never expires", "exp", nil, invalid},
		{"lives an hour", "exp", now.Add(time.Hour).Unix(), invalid},
		{"expired", "exp", now.Add(-time.Minute).Unix(), expired},
		{"API audience", "aud", apiAudience, invalid},
		{"no audience", "aud", nil, invalid},
	} {
		claims := maps.Clone(good)
		if claims[tc.claim] = tc.value; tc.value == nil {
			delete(claims, tc.claim)
		}
		_, err := verifier.Grant(t.Context(), sign(t, jose.ES256, key, "k", claims))
		wantProblem(t, tc.name, err, problem.Unauthenticated, tc.text)
	}
	_, err := verifier.Grant(t.Context(), "")
	wantProblem(t, "nothing", err, problem.Unauthenticated, missing)
}

func TestCASTokenExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := newInstallationInBubble(t)
		defer in.db.Close()
		signer, err := NewCASSigner(in.cas, 0)
		if err != nil {
			t.Fatal(err)
		}
		text, err := signer.Sign(t.Context(), cas.Grant{Org: org.NewID(), Role: cas.Uploader}, uuid.New())
		if err != nil {
			t.Fatal(err)
		}
		verifier := NewCASVerifier(in.cas)
		time.Sleep(DefaultCASLifetime)
		if _, err := verifier.Grant(t.Context(), text); err != nil {
			t.Errorf("at its last moment: %v", err)
		}
		time.Sleep(leeway + time.Second)
		_, err = verifier.Grant(t.Context(), text)
		wantProblem(t, "afterwards", err, problem.Unauthenticated, expired)
	})
}
