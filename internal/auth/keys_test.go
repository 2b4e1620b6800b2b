package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
)

func TestProcessesThatStartTogetherShareOneKey(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			ring, err := OpenKeyRing(t.Context(), in.db, registry.KeyUseCAS)
			if err != nil {
				t.Error(err)
				return
			}
			if got := ring.keys[0].record.ID; len(ring.keys) != 1 || got != in.cas.keys[0].record.ID {
				t.Errorf("%d keys, the first is %s", len(ring.keys), got)
			}
		})
	}
	wg.Wait()
}

func TestKeysDoNotPrint(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	record := in.cas.keys[0].record
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format, record); strings.Contains(text, fmt.Sprint(record.PKCS8)) || !strings.Contains(text, record.ID) {
			t.Errorf("%s prints %s", format, text)
		}
	}
	set, err := json.Marshal(in.cas.JWKS(t.Context()))
	if err != nil || bytes.Contains(set, []byte(`"d"`)) || !bytes.Contains(set, []byte(record.ID)) {
		t.Errorf("published: %s, %v", set, err)
	}
}

// publisher is the control plane's side of RemoteKeys, without a network, so that
// time can be faked.
type publisher struct {
	ring    *KeyRing
	down    error
	fetched int
}

func (p *publisher) RoundTrip(*http.Request) (*http.Response, error) {
	p.fetched++
	if p.down != nil {
		return nil, p.down
	}
	body, err := json.Marshal(p.ring.JWKS(context.Background()))
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(body))}, err
}

func TestRemoteKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := newInstallationInBubble(t)
		defer in.db.Close()
		controlPlane := &publisher{ring: in.cas, down: errors.New("connection refused")}
		var log bytes.Buffer
		keys := NewRemoteKeys("http://control.plane/.well-known/jwks.json", &http.Client{Transport: controlPlane}, nil, slog.New(slog.NewTextHandler(&log, nil)))
		verifier := NewCASVerifier(keys)
		signer, err := NewCASSigner(in.cas, 0)
		if err != nil {
			t.Fatal(err)
		}
		verify := func() error {
			t.Helper()
			text, err := signer.Sign(t.Context(), cas.Grant{Org: org.NewID(), Role: cas.Uploader}, uuid.New())
			if err != nil {
				t.Fatal(err)
			}
			_, err = verifier.Grant(t.Context(), text)
			return err
		}

		wantProblem(t, "control plane not up yet", verify(), problem.Unavailable, "")
		for range 12 { // probes, for a minute
			if err := keys.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "connection refused") {
				t.Errorf("ready without keys: %v", err)
			}
			time.Sleep(recheck)
		}
		if n := strings.Count(log.String(), "connection refused"); n != 1 {
			t.Errorf("the log says %d times within a minute why keys cannot be fetched, want once:\n%s", n, &log)
		}
		if _ = keys.Ready(t.Context()); strings.Count(log.String(), "connection refused") != 2 {
			t.Errorf("the log does not say it again after a minute:\n%s", &log)
		}
		controlPlane.down = nil
		time.Sleep(recheck)
		if err := keys.Ready(t.Context()); err != nil {
			t.Errorf("control plane up: %v", err)
		}
		if !strings.Contains(log.String(), "again") {
			t.Errorf("the log does not say that keys are there again:\n%s", &log)
		}
		if err := verify(); err != nil {
			t.Fatalf("control plane up: %v", err)
		}
		fetched := controlPlane.fetched
		for range 100 {
			if err := verify(); err != nil {
				t.Fatal(err)
			}
		}
		if controlPlane.fetched != fetched {
			t.Errorf("%d fetches for known keys", controlPlane.fetched-fetched)
		}

		controlPlane.down = errors.New("connection refused")
		time.Sleep(24 * time.Hour)
		if err := verify(); err != nil {
			t.Errorf("control plane away for a day: %v", err)
		}
		if err := keys.Ready(t.Context()); err != nil {
			t.Errorf("ready, with keys that are good: %v", err)
		}

		controlPlane.down = nil
		time.Sleep(recheck)
		if err := in.cas.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := verify(); err != nil {
			t.Errorf("after rotation: %v", err)
		}

		// Made-up key ids are answered, and do not become a stream of fetches.
		fetched = controlPlane.fetched
		time.Sleep(recheck)
		for i := range 100 {
			claims := map[string]any{"iss": issuer, "aud": casAudience}
			_, err := verifier.Grant(t.Context(), sign(t, algorithm, newKey(t), fmt.Sprint("forged-", i), claims))
			wantProblem(t, "made-up key", err, problem.Unauthenticated, invalid)
		}
		if n := controlPlane.fetched - fetched; n != 1 {
			t.Errorf("%d fetches for a hundred made-up keys, want 1", n)
		}
	})
}

func TestRotationKeepsOldTokens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := newInstallationInBubble(t)
		defer in.db.Close()
		text, _ := in.issue(t, NewToken{Name: "admin"})
		// Another replica rotates; this one learns of it from the first new token.
		replica, err := OpenKeyRing(t.Context(), in.db, registry.KeyUseAPI)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if err := replica.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		other := NewTokens(in.db, in.db, replica, in.tokens.log)
		fresh, _, err := other.Issue(t.Context(), NewToken{Name: "second"})
		if err != nil {
			t.Fatal(err)
		}
		for name, token := range map[string]string{"old": text, "new": fresh} {
			for _, tokens := range []*Tokens{in.tokens, other} {
				if _, err := tokens.Verify(context.WithoutCancel(t.Context()), token, ""); err != nil {
					t.Errorf("%s token: %v", name, err)
				}
			}
		}
		if n := len(replica.JWKS(t.Context()).Keys); n != 2 {
			t.Errorf("%d keys are published right after rotation, want both", n)
		}
		// And it signs with the new key, and publishes it, before it has seen a token of it.
		third, err := OpenKeyRing(t.Context(), in.db, registry.KeyUseAPI)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(recheck)
		if err := replica.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := third.signer(t.Context()); err != nil || third.keys[0].record.ID != replica.keys[0].record.ID {
			t.Errorf("a replica signs with a retired key: %v", err)
		}
		published, newest := in.tokens.ring.JWKS(t.Context()).Keys, replica.JWKS(t.Context()).Keys
		if published[0].KeyID != newest[0].KeyID {
			t.Errorf("a replica publishes %s as its first key, want %s", published[0].KeyID, newest[0].KeyID)
		}
		time.Sleep(publishRetired + time.Second)
		if n := len(replica.JWKS(t.Context()).Keys); n != 1 {
			t.Errorf("%d keys are published an hour later, want one", n)
		}
	})
}

// TestRetiredCASKeyDies: who stole a key from before a rotation cannot sign for ever.
// CAS tokens live minutes, so that no honest one is refused.
func TestRetiredCASKeyDies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := newInstallationInBubble(t)
		defer in.db.Close()
		old := in.cas.JWKS(t.Context()).Keys[0].KeyID
		time.Sleep(time.Minute)
		if err := in.cas.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := in.cas.Key(t.Context(), old); err != nil {
			t.Errorf("right after rotation: %v", err)
		}
		time.Sleep(publishRetired + time.Second)
		if _, err := in.cas.Key(context.WithoutCancel(t.Context()), old); !errors.Is(err, ErrUnknownKey) {
			t.Errorf("an hour later: %v, want ErrUnknownKey", err)
		}
	})
}

// failing is a store that does not answer while it is down, and counts who asks.
type failing struct {
	KeyStore
	down  error
	asked int
}

func (f *failing) SigningKeys(ctx context.Context, use registry.KeyUse) ([]registry.SigningKey, error) {
	f.asked++
	if f.down != nil {
		return nil, f.down
	}
	return f.KeyStore.SigningKeys(ctx, use)
}

// TestMadeUpKeysDoNotFloodAStoreThatIsDown: whoever sends made-up key ids has it asked once in
// a while, under the lock that signers wait for, and is told to try again: a key may be new.
func TestMadeUpKeysDoNotFloodAStoreThatIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := newInstallationInBubble(t)
		defer in.db.Close()
		store := &failing{KeyStore: in.db}
		ring, err := OpenKeyRing(t.Context(), store, registry.KeyUseCAS)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(recheck)
		store.down, store.asked = errors.New("connection refused"), 0
		for i := range 100 {
			if _, err := ring.Key(t.Context(), fmt.Sprint("made-up-", i)); err == nil || errors.Is(err, ErrUnknownKey) {
				t.Fatalf("while the store is down: %v", err)
			}
			if _, err := ring.signer(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if store.asked != 1 {
			t.Errorf("the store was asked %d times, want once", store.asked)
		}
		store.down = nil
		time.Sleep(recheck)
		if _, err := ring.Key(t.Context(), "made-up"); !errors.Is(err, ErrUnknownKey) {
			t.Errorf("when it is back: %v", err)
		}
	})
}
