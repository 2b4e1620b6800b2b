package auth

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
)

// TestRevokedKeys: somebody has the database of this moment, with the key that signs and the
// one that is announced. After a rotation with revocation neither is good for anything, at any
// time; what the new one signs is.
func TestRevokedKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := newInstallationInBubble(t)
		defer in.db.Close()
		ring, signer := replica(t, in.db)
		verifier := func() *CASVerifier {
			return NewCASVerifier(NewRemoteKeys("http://control.plane/", &http.Client{Transport: &publisher{ring: ring}}, in.db, slog.New(slog.DiscardHandler)))
		}
		refused := func(name string, v *CASVerifier, text string) {
			t.Helper()
			_, err := v.Grant(t.Context(), text)
			wantProblem(t, name, err, problem.Unauthenticated, invalid)
		}
		time.Sleep(time.Minute)
		if err := ring.Announce(t.Context()); err != nil {
			t.Fatal(err)
		}
		stolen := ring.keys // announced and signing
		forge := func(k ringKey) string {
			return sign(t, algorithm, k.private, k.record.ID, map[string]any{
				"iss": issuer, "aud": casAudience, "jti": uuid.NewString(), "org-id": org.NewID().String(), "role": "uploader",
				"backend": uuid.NewString(), "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
			})
		}
		running := verifier()
		for _, k := range stolen {
			if _, err := running.Grant(t.Context(), forge(k)); err != nil {
				t.Fatalf("the forgery is none: %v", err)
			}
		}

		time.Sleep(time.Minute)
		if err := ring.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n, err := ring.Revoke(t.Context()); err != nil || n != 1 { // the announced one was void already
			t.Errorf("%d keys were revoked, %v", n, err)
		}
		for _, k := range stolen {
			refused("one that starts", verifier(), forge(k))
		}
		if public, err := in.db.PublicKeys(t.Context(), registry.KeyUseCAS, time.Now().Add(-publishRetired)); err != nil || len(public) != 1 {
			t.Errorf("the database has %d keys for verifiers, %v", len(public), err)
		}
		time.Sleep(freshFor)
		for _, k := range stolen {
			refused("one that runs", running, forge(k))
		}
		for range 3 { // when the announced key would have begun, too
			if _, err := running.Grant(t.Context(), uploader(t, signer)); err != nil {
				t.Errorf("what is signed now: %v", err)
			}
			time.Sleep(announceAhead)
		}
		if n, err := ring.Revoke(t.Context()); err != nil || n != 0 {
			t.Errorf("%d keys were revoked again, %v", n, err)
		}
	})
}

// TestStolenKeyMakesNoPipelines: a token of a pipeline has no row, and so is only as good as
// the key. Whoever has that makes tokens until it is replaced, none that lives for long, and
// with a revocation none from then on.
func TestStolenKeyMakesNoPipelines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := newInstallationInBubble(t)
		defer in.db.Close()
		acme := in.organization(t, "acme")
		trust := registry.Trust{
			ID: uuid.New(), Org: acme.ID, Name: "ci", Issuer: "https://ci.example", Audience: "managedcas", Subjects: []string{"repo:acme/app:*"},
			Lifetime: MaxPipelineLifetime, Enabled: true, CreatedAt: time.Now(), CreatedBy: "ann",
		}
		if err := in.db.CreateTrust(t.Context(), trust); err != nil {
			t.Fatal(err)
		}
		machine, _, err := in.tokens.Issue(t.Context(), NewToken{Organization: acme, Name: "machine"})
		if err != nil {
			t.Fatal(err)
		}
		var stolen ringKey
		forge := func(lifetime time.Duration) string {
			return sign(t, algorithm, stolen.private, stolen.record.ID, map[string]any{
				"iss": issuer, "aud": pipelineAudience, "jti": uuid.NewString(), "org_id": acme.ID.String(), "trust_id": trust.ID.String(),
				"external_subject": "repo:acme/app:x", "iat": time.Now().Unix(), "exp": time.Now().Add(lifetime).Unix(),
			})
		}
		good := func(name, text string, want bool) {
			t.Helper()
			_, err := in.tokens.Verify(context.WithoutCancel(t.Context()), text, "")
			if !want {
				wantProblem(t, name, err, problem.Unauthenticated, invalid)
			} else if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		// by another process, as an operator does it by hand
		elsewhere, err := OpenKeyRing(t.Context(), in.db, registry.KeyUseAPI)
		if err != nil {
			t.Fatal(err)
		}
		for _, revoke := range []bool{false, true} {
			time.Sleep(time.Minute)
			stolen = elsewhere.keys[0]
			good("a forgery", forge(MaxPipelineLifetime), true)
			good("one for longer", forge(MaxPipelineLifetime+time.Second), false)
			if err := elsewhere.Rotate(t.Context()); err != nil {
				t.Fatal(err)
			}
			wait := publishRetired
			if revoke {
				wait = recheck
				if n, err := elsewhere.Revoke(t.Context()); err != nil || n == 0 {
					t.Fatalf("%d keys were revoked, %v", n, err)
				}
			}
			time.Sleep(wait + time.Second)
			good("a forgery after the key was replaced", forge(MaxPipelineLifetime), false)
			honest, _, err := in.tokens.IssuePipeline(t.Context(), trust, "repo:acme/app:x")
			if err != nil {
				t.Fatal(err)
			}
			good("a pipeline", honest, true)
			good("an API token of before", machine, true)
		}
	})
}
