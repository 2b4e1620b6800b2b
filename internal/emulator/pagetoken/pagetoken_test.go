package pagetoken_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/managedcas/managedcas/internal/emulator/pagetoken"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		kind, place := rapid.SampledFrom([]string{"a", "b"}).Draw(r, "kind"), rapid.String().Draw(r, "place")
		token := pagetoken.Make(kind, place)
		if got, ok := pagetoken.Read(kind, token); got != place || !ok {
			r.Fatalf("%q became %q, %v", place, got, ok)
		}
		at := rapid.IntRange(0, len(token)-1).Draw(r, "at")
		changed := token[:at] + rapid.StringMatching(`[A-Za-z0-9_=-]`).Draw(r, "instead") + token[at+1:]
		for _, bad := range []string{changed, token[:at], token + "A", rapid.String().Draw(r, "made up")} {
			if _, ok := pagetoken.Read(kind, bad); ok && bad != token {
				r.Fatalf("%q passes for %q", bad, token)
			}
		}
		if _, ok := pagetoken.Read("other", token); ok {
			r.Fatal("a token of another list passes")
		}
	})
}
