package auth

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
)

// skewed is a store as a process sees it whose clock is ahead by a time: everything in it
// is as much longer ago.
type skewed struct {
	KeyStore

	ahead time.Duration
}

func (s skewed) SigningKeys(ctx context.Context, use registry.KeyUse) ([]registry.SigningKey, error) {
	keys, err := s.KeyStore.SigningKeys(ctx, use)
	for i := range keys {
		for _, at := range []*time.Time{&keys[i].CreatedAt, &keys[i].SignsFrom, &keys[i].RetiredAt} {
			if !at.IsZero() {
				*at = at.Add(-s.ahead)
			}
		}
	}
	return keys, err
}

func (s skewed) AddSigningKey(ctx context.Context, k registry.SigningKey, replaces string) error {
	k.CreatedAt, k.SignsFrom = k.CreatedAt.Add(s.ahead), k.SignsFrom.Add(s.ahead)
	return s.KeyStore.AddSigningKey(ctx, k, replaces)
}

// replica is a control plane's side of CAS tokens.
func replica(t *testing.T, store KeyStore) (*KeyRing, *CASSigner) {
	t.Helper()
	ring, err := OpenKeyRing(t.Context(), store, registry.KeyUseCAS)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := NewCASSigner(ring, 0)
	if err != nil {
		t.Fatal(err)
	}
	return ring, signer
}

// TestNoTokenIsRefusedDuringRotation: three control planes, whose clocks disagree, sign while
// their keys are replaced; verifiers that ask different ones believe every token, at once and
// until it expires, whenever they asked last.
func TestNoTokenIsRefusedDuringRotation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := newInstallationInBubble(t)
		defer in.db.Close()
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		log := slog.New(slog.DiscardHandler)
		var signers []*CASSigner
		var verifiers []*CASVerifier
		for _, ahead := range []time.Duration{0, leeway, -leeway} {
			ring, signer := replica(t, skewed{in.db, ahead})
			signers = append(signers, signer)
			for range 2 {
				verifiers = append(verifiers, NewCASVerifier(NewRemoteKeys("http://control.plane/", &http.Client{Transport: &publisher{ring: ring}}, nil, log)))
			}
			go func() { _ = Rotation{Rings: []*KeyRing{ring}, Age: 30 * time.Minute, Log: log}.Run(ctx) }()
		}
		type issued struct {
			text string
			at   time.Time
		}
		var out []issued
		kids := map[string]bool{}
		const step, since = 7 * time.Second, 4 * time.Second
		forged := sign(t, algorithm, newKey(t), "made-up", map[string]any{})
		for n := range 800 { // an hour and a half
			time.Sleep(step - since)
			// Whoever sends a key id that there is none of has a verifier look for keys now, and
			// not again for recheck.
			for _, verifier := range verifiers {
				_, err := verifier.Grant(ctx, forged)
				wantProblem(t, "made-up key", err, problem.Unauthenticated, invalid)
			}
			time.Sleep(since)
			for _, signer := range signers {
				text, err := signer.Sign(ctx, cas.Grant{Org: org.NewID(), Role: cas.Uploader}, uuid.New())
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, issued{text, time.Now()})
			}
			for len(out) > 0 && time.Since(out[0].at) > DefaultCASLifetime {
				out = out[1:]
			}
			for i, verifier := range verifiers {
				if n%(1<<i) != 0 {
					continue // some are asked more often than others
				}
				for _, token := range []issued{out[0], out[len(out)-1], out[max(0, len(out)-2)], out[max(0, len(out)-3)]} {
					if _, err := verifier.Grant(ctx, token.text); err != nil {
						t.Fatalf("verifier %d refuses a token %s old, %s after the start: %v", i, time.Since(token.at), time.Duration(n)*step, err)
					}
				}
			}
			for _, signer := range signers {
				signer.ring.mu.Lock()
				kids[signer.ring.current().record.ID] = true
				signer.ring.mu.Unlock()
			}
		}
		if len(kids) < 2 || len(kids) > 3 {
			t.Errorf("%d keys have signed in an hour and a half, want one in about 50 minutes", len(kids))
		}
		if keys, err := in.db.SigningKeys(ctx, registry.KeyUseCAS); err != nil || len(keys) != len(kids) && len(keys) != len(kids)+1 {
			t.Errorf("%d keys were made, and %d have signed, %v", len(keys), len(kids), err)
		}
	})
}

// TestOneOfManyReplicasRotates: all of them find the key old at the same moment.
func TestOneOfManyReplicasRotates(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	failed := make(chan error, 8)
	rings := make([]*KeyRing, cap(failed))
	for i := range rings { // all of them, before the first one makes a key
		var err error
		if rings[i], err = OpenKeyRing(t.Context(), in.db, registry.KeyUseCAS); err != nil {
			t.Fatal(err)
		}
	}
	for _, ring := range rings {
		go func() { failed <- ring.add(context.WithoutCancel(t.Context()), announceAhead) }()
	}
	won := 0
	for range cap(failed) {
		switch err := <-failed; {
		case err == nil:
			won++
		case !errors.Is(err, registry.ErrExists):
			t.Error(err)
		}
	}
	if keys, err := in.db.SigningKeys(t.Context(), registry.KeyUseCAS); err != nil || won != 1 || len(keys) != 2 {
		t.Errorf("%d have made a key, and there are %d, %v", won, len(keys), err)
	}
	list, err := in.cas.List(t.Context())
	if err != nil || list[0].State != KeyAnnounced || list[len(list)-1].State != KeySigning || list[0].PKCS8 != nil {
		t.Errorf("the keys are %v, %v", list, err)
	}
}

// TestTokensOfSkewedClocks: what a clock that is ahead or behind signs is good, up to the
// leeway on each side, and not beyond.
func TestTokensOfSkewedClocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		key := newKey(t)
		verifier := NewCASVerifier(StaticKeys{"k": &key.PublicKey})
		for _, tc := range []struct {
			name         string
			issued, dies time.Duration // from now
			good         bool
		}{
			{"ahead by the leeway", leeway, leeway + time.Minute, true},
			{"ahead by more", leeway + time.Second, leeway + time.Minute, false},
			{"behind by the leeway", -time.Minute, -leeway + time.Second, true},
			{"behind by more", -time.Minute, -leeway - time.Second, false},
		} {
			for _, claim := range []string{"iat", "nbf"} {
				text := sign(t, algorithm, key, "k", map[string]any{
					"iss": issuer, "aud": casAudience, "jti": uuid.NewString(), "org-id": org.NewID().String(), "role": "uploader",
					"backend": uuid.NewString(), claim: time.Now().Add(tc.issued).Unix(), "exp": time.Now().Add(tc.dies).Unix(),
				})
				if _, err := verifier.Grant(t.Context(), text); (err == nil) != tc.good {
					t.Errorf("%s, by %s: %v, want good: %v", tc.name, claim, err, tc.good)
				}
			}
		}
	})
}

// TestVerifiersOutliveTheControlPlane: one that starts while the control plane is away finds
// the keys in the database, also those that were made since; with neither it says to try again.
func TestVerifiersOutliveTheControlPlane(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := newInstallationInBubble(t)
		defer in.db.Close()
		ring, signer := replica(t, in.db)
		away := &http.Client{Transport: &publisher{ring: ring, down: errors.New("connection refused")}}
		log := slog.New(slog.NewTextHandler(io.Discard, nil))
		keys := NewRemoteKeys("http://control.plane/", away, in.db, log)
		verifier := NewCASVerifier(keys)
		check := func(what string) {
			t.Helper()
			text, err := signer.Sign(t.Context(), cas.Grant{Org: org.NewID(), Role: cas.Uploader}, uuid.New())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := verifier.Grant(t.Context(), text); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		if err := keys.Ready(t.Context()); err != nil {
			t.Errorf("not ready: %v", err)
		}
		check("started during the outage")
		time.Sleep(recheck)
		if err := ring.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		check("a key that is new since")
		neither := NewCASVerifier(NewRemoteKeys("http://control.plane/", away, nil, log))
		text, err := signer.Sign(t.Context(), cas.Grant{Org: org.NewID(), Role: cas.Uploader}, uuid.New())
		if err != nil {
			t.Fatal(err)
		}
		_, err = neither.Grant(t.Context(), text)
		wantProblem(t, "neither control plane nor database", err, problem.Unavailable, "")
	})
}

// TestEarlyKeysArePublished: keys of a version that kept no public half get it.
func TestEarlyKeysArePublished(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	kid := in.cas.keys[0].record.ID
	if err := in.db.SetPublicKey(t.Context(), kid, nil); err != nil {
		t.Fatal(err)
	}
	if public, err := in.db.PublicKeys(t.Context(), registry.KeyUseCAS, time.Now()); err != nil || len(public) != 0 {
		t.Fatalf("%v, %v", public, err)
	}
	if _, err := OpenKeyRing(t.Context(), in.db, registry.KeyUseCAS); err != nil {
		t.Fatal(err)
	}
	if public, err := in.db.PublicKeys(t.Context(), registry.KeyUseCAS, time.Now()); err != nil || len(public[kid]) == 0 {
		t.Errorf("published: %v, %v", public, err)
	}
}
