package federation

import (
	"errors"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	provided "github.com/managedcas/managedcas/test/issuer"
)

// fetchedBefore makes the keys of i, and the last attempt to fetch them, that old.
func (i *issuer) fetchedBefore(age time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.fetched, i.attempted = time.Now().Add(-age), time.Now().Add(-age)
}

func TestKeysAreGoodForADayWhileTheirIssuerIsAway(t *testing.T) {
	t.Parallel()
	provider := provided.New(t)
	i := newIssuer(provider.URL)
	token := provider.Sign(t, nil)
	if _, err := i.VerifySignature(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	provider.Down(true)
	for age, good := range map[time.Duration]bool{freshFor - time.Minute: true, freshFor + time.Minute: true, goodFor - time.Minute: true, goodFor + time.Minute: false} {
		i.fetchedBefore(age)
		if _, err := i.VerifySignature(t.Context(), token); (err == nil) != good || err != nil && !errors.Is(err, errUnreachable) {
			t.Errorf("keys of %s ago: %v", age, err)
		}
	}
}

func TestKeysAreFetchedAnew(t *testing.T) {
	t.Parallel()
	provider := provided.New(t)
	i := newIssuer(provider.URL)
	old := provider.Sign(t, nil)
	if _, err := i.VerifySignature(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	provider.Rotate(t, jose.ES256, "second")
	fresh := provider.Sign(t, nil)
	i.fetchedBefore(recheck)
	if _, err := i.VerifySignature(t.Context(), fresh); err != nil {
		t.Errorf("a key that is %s new: %v", recheck, err)
	}
	provider.Withdraw("first")
	if _, err := i.VerifySignature(t.Context(), old); err != nil {
		t.Errorf("a key that was withdrawn a moment ago: %v", err)
	}
	i.fetchedBefore(freshFor + time.Second)
	if _, err := i.VerifySignature(t.Context(), old); err == nil || errors.Is(err, errUnreachable) {
		t.Errorf("a key that was withdrawn an hour ago: %v", err)
	}
}

func TestKeysAreFetchedSparingly(t *testing.T) {
	t.Parallel()
	provider := provided.New(t)
	i := newIssuer(provider.URL)
	for range 5 {
		if _, err := i.VerifySignature(t.Context(), provider.Sign(t, nil)); err != nil {
			t.Fatal(err)
		}
	}
	i.fetchedBefore(-time.Hour)               // recheck does not end, however long this takes
	provider.Rotate(t, jose.ES256, "made up") // as often as somebody makes up a key
	for range 20 {
		if _, err := i.VerifySignature(t.Context(), provider.Sign(t, nil)); err == nil || errors.Is(err, errUnreachable) {
			t.Fatalf("with a key that is not known yet: %v", err)
		}
	}
	if n := provider.Fetched(); n != 1 {
		t.Errorf("the keys were fetched %d times, want once", n)
	}
}
