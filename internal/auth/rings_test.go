package auth

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
)

// overtaken is a store to which another process comes first, once.
type overtaken struct {
	KeyStore

	adds, revokes func(context.Context) error
}

func (s *overtaken) AddSigningKey(ctx context.Context, k registry.SigningKey, replaces string) error {
	if first := s.adds; first != nil {
		s.adds = nil
		if err := first(ctx); err != nil {
			return err
		}
	}
	return s.KeyStore.AddSigningKey(ctx, k, replaces)
}

func (s *overtaken) RevokeSigningKeys(ctx context.Context, use registry.KeyUse, except string) (int, error) {
	if first := s.revokes; first != nil {
		s.revokes = nil
		if err := first(ctx); err != nil {
			return 0, err
		}
	}
	return s.KeyStore.RevokeSigningKeys(ctx, use, except)
}

func uploader(t *testing.T, s *CASSigner) string {
	t.Helper()
	text, err := s.Sign(t.Context(), cas.Grant{Org: org.NewID(), Role: cas.Uploader}, uuid.New())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestRevocationBesideRotation: keys are replaced by another process between an operator's
// rotation and the revocation. There is a key that signs, at once and for ever, and it can be
// replaced.
func TestRevocationBesideRotation(t *testing.T) {
	t.Parallel()
	for name, others := range map[string]func(*KeyRing, context.Context) error{"announced": (*KeyRing).Announce, "rotated": (*KeyRing).Rotate} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				in := newInstallationInBubble(t)
				defer in.db.Close()
				store := &overtaken{KeyStore: in.db, revokes: func(ctx context.Context) error { return others(in.cas, ctx) }}
				ring, signer := replica(t, store)
				stolen := ring.keys[0].record.ID
				for range 2 {
					time.Sleep(time.Second)
					if err := ring.Rotate(t.Context()); err != nil {
						t.Fatal(err)
					}
					if _, err := ring.Revoke(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				for range 3 {
					if _, err := NewCASVerifier(ring).Grant(t.Context(), uploader(t, signer)); err != nil {
						t.Error(err)
					}
					time.Sleep(publishRetired)
				}
				list, err := ring.List(t.Context())
				if err != nil || list[0].State != KeySigning || len(list) != 4 {
					t.Errorf("%v, %v", list, err)
				}
				for _, k := range list[1:] {
					if k.State != KeyDead {
						t.Errorf("%s is %s; the stolen one is %s", k.ID, k.State, stolen)
					}
				}
			})
		})
	}
}

// TestRotationBesideAnnouncement: that another process announces a key is no reason that the old
// one, which may be known to somebody, goes on until that begins.
func TestRotationBesideAnnouncement(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	ring, _ := replica(t, &overtaken{KeyStore: in.db, adds: in.cas.Announce})
	if err := ring.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if list, err := ring.List(t.Context()); err != nil || len(list) != 3 || list[0].State != KeySigning {
		t.Errorf("%v, %v", list, err)
	}
}

// TestAnnouncedKeysNeverSign when a rotation came before they began, however many were
// announced; and what signed before them is believed for an hour from then on.
func TestAnnouncedKeysNeverSign(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := newInstallationInBubble(t)
		defer in.db.Close()
		ring, signer := replica(t, in.db)
		before := ring.keys[0].record.ID
		for range 2 {
			time.Sleep(time.Minute)
			if err := ring.Announce(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		if err := ring.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := ring.keys[0].record.ID
		for range 6 {
			if _, err := NewCASVerifier(ring).Grant(t.Context(), uploader(t, signer)); err != nil || ring.current().record.ID != want {
				t.Errorf("%s signs, not %s: %v", ring.current().record.ID, want, err)
			}
			time.Sleep(announceAhead / 2)
		}
		if _, err := ring.Key(t.Context(), before); err != nil {
			t.Errorf("an hour after it signed: %v", err)
		}
		time.Sleep(time.Second)
		if _, err := ring.Key(t.Context(), before); err == nil {
			t.Error("the old key is believed for longer than an hour")
		}
	})
}

// TestRotationsOfSkewedClocks: two operators rotate one after the other, at replicas whose clocks
// disagree, or agree to the microsecond. What the first key signed is good, unless its clock is
// so wrong that the second would have to wait.
func TestRotationsOfSkewedClocks(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{0, time.Microsecond, leeway, leeway + time.Second, -leeway} {
		synctest.Test(t, func(t *testing.T) {
			in := newInstallationInBubble(t)
			defer in.db.Close()
			there, signer := replica(t, skewed{in.db, ahead})
			time.Sleep(time.Minute)
			if err := there.Rotate(t.Context()); err != nil {
				t.Fatal(err)
			}
			text := uploader(t, signer)
			if err := in.cas.Rotate(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, ring := range []*KeyRing{there, in.cas} {
				verifier := NewCASVerifier(NewRemoteKeys("http://control.plane/", &http.Client{Transport: &publisher{ring: ring}}, nil, slog.New(slog.DiscardHandler)))
				time.Sleep(recheck)
				if _, err := verifier.Grant(t.Context(), text); (err == nil) != (ahead <= leeway) {
					t.Errorf("%s ahead: %v", ahead, err)
				}
			}
			time.Sleep(leeway)
			if _ = uploader(t, signer); there.current().record.ID != in.cas.keys[0].record.ID {
				t.Errorf("%s ahead: the last key does not sign", ahead)
			}
		})
	}
}

// TestRevocationReachesWhoSigns: a process that verifies by its own ring, and signs nothing
// meanwhile, hears of it as others do.
func TestRevocationReachesWhoSigns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := newInstallationInBubble(t)
		defer in.db.Close()
		ring, signer := replica(t, in.db)
		text := uploader(t, signer)
		elsewhere, _ := replica(t, in.db)
		time.Sleep(time.Second)
		if err := elsewhere.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n, err := elsewhere.Revoke(t.Context()); err != nil || n != 1 {
			t.Fatalf("%d were revoked, %v", n, err)
		}
		time.Sleep(recheck)
		_, err := NewCASVerifier(ring).Grant(t.Context(), text)
		wantProblem(t, "one that is revoked", err, problem.Unauthenticated, invalid)
	})
}

// TestRingWithoutAKeyIsMended: a hand or a mishap in the database has left no key that counts.
// Nothing falls over, and a rotation mends it.
func TestRingWithoutAKeyIsMended(t *testing.T) {
	t.Parallel()
	db, err := database.Open(t.Context(), databasetest.Fresh(t, database.Migrate))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	der, err := x509.MarshalPKCS8PrivateKey(newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	made := time.Now().Add(-time.Minute)
	if err := db.AddSigningKey(t.Context(), registry.SigningKey{ID: "void", Use: registry.KeyUseCAS, PKCS8: der, CreatedAt: made, RetiredAt: made}, ""); err != nil {
		t.Fatal(err)
	}
	ring, signer := replica(t, db)
	_, err = NewCASVerifier(ring).Grant(t.Context(), uploader(t, signer))
	wantProblem(t, "one that is void", err, problem.Unauthenticated, invalid)
	if err := ring.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := NewCASVerifier(ring).Grant(t.Context(), uploader(t, signer)); err != nil {
		t.Error(err)
	}
}
