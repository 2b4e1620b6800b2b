package auth

import (
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
)

// That a token was good once is no reason to believe it when its key is gone, or is another
// one by now; nor to believe one that looks like it.
func TestSeenTokensAreRefused(t *testing.T) {
	t.Parallel()
	key, other := newKey(t), newKey(t)
	keys := StaticKeys{"k": &key.PublicKey}
	verifier := NewCASVerifier(keys)
	text := sign(t, jose.ES256, key, "k", map[string]any{
		"iss": issuer, "aud": casAudience, "jti": "1", "exp": time.Now().Add(time.Minute).Unix(),
		"org-id": org.NewID().String(), "role": "uploader", "backend": uuid.NewString(),
	})
	first, err := verifier.Grant(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := verifier.Grant(t.Context(), text); err != nil || again != first {
		t.Errorf("seen: %+v, %v, want %+v", again, err, first)
	}
	altered := []byte(text)
	altered[len(altered)-10] ^= 1
	_, err = verifier.Grant(t.Context(), string(altered))
	wantProblem(t, "altered", err, problem.Unauthenticated, invalid)
	keys["k"] = &other.PublicKey
	_, err = verifier.Grant(t.Context(), text)
	wantProblem(t, "another key of that id", err, problem.Unauthenticated, invalid)
	delete(keys, "k")
	_, err = verifier.Grant(t.Context(), text)
	wantProblem(t, "no key of that id", err, problem.Unauthenticated, invalid)
	keys["k"] = &key.PublicKey
	if _, err := verifier.Grant(t.Context(), text); err != nil {
		t.Errorf("the key is back: %v", err)
	}
}
