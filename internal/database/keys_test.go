package database

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/registry"
)

// A private key is in no statement, which PostgreSQL may write into its log, but an argument
// of one.
func TestPrivateKeysAreInNoStatement(t *testing.T) {
	t.Parallel()
	private := []byte("a private key that nobody is to see")
	text := base64.StdEncoding.EncodeToString(private)
	var said, sent atomic.Int64
	relay := databasetest.NewRelay(t, databasetest.Target(t, "postgres"), func(e databasetest.Exchange) databasetest.Fate {
		if strings.Contains(e.Statement, text) {
			said.Add(1)
		}
		if e.Mentions(text) {
			sent.Add(1)
		}
		return databasetest.Fate{}
	})
	db := openTarget(t, relay.URL)
	if err := db.AddSigningKey(t.Context(), registry.SigningKey{ID: "k", Use: registry.KeyUseCAS, PKCS8: private, CreatedAt: time.Now()}, ""); err != nil {
		t.Fatal(err)
	}
	if said.Load() != 0 || sent.Load() == 0 {
		t.Errorf("%d statements have the key, which was sent %d times", said.Load(), sent.Load())
	}
	if keys, err := db.SigningKeys(t.Context(), registry.KeyUseCAS); err != nil || len(keys) != 1 || !bytes.Equal(keys[0].PKCS8, private) {
		t.Errorf("%v, %v", keys, err)
	}
}

// TestRevokedKeysAreVoid, on both engines: all but one, of one use, and only once.
func TestRevokedKeysAreVoid(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openTarget(t, target)
		now := time.Now()
		replaces := ""
		for _, id := range []string{"first", "second", "third"} {
			k := registry.SigningKey{ID: id, Use: registry.KeyUseCAS, PKCS8: []byte{1}, SPKI: []byte{1}, CreatedAt: now}
			if err := db.AddSigningKey(t.Context(), k, replaces); err != nil {
				t.Fatal(err)
			}
			replaces, now = id, now.Add(time.Second)
		}
		if err := db.AddSigningKey(t.Context(), registry.SigningKey{ID: "api", Use: registry.KeyUseAPI, PKCS8: []byte{1}, SPKI: []byte{1}, CreatedAt: now}, ""); err != nil {
			t.Fatal(err)
		}
		if n, err := db.RevokeSigningKeys(t.Context(), registry.KeyUseCAS, "second"); !errors.Is(err, registry.ErrExists) || n != 0 {
			t.Errorf("%d were revoked, the newest one too, in favour of one that is retired: %v", n, err)
		}
		for _, want := range []int{2, 0} {
			if n, err := db.RevokeSigningKeys(t.Context(), registry.KeyUseCAS, "third"); err != nil || n != want {
				t.Errorf("%d were revoked, %v, want %d", n, err, want)
			}
		}
		for _, use := range []registry.KeyUse{registry.KeyUseCAS, registry.KeyUseAPI} {
			keys, err := db.SigningKeys(t.Context(), use)
			public, err2 := db.PublicKeys(t.Context(), use, time.Time{})
			if err != nil || err2 != nil || len(public) != 1 {
				t.Errorf("%d keys of %s are public, %v, %v", len(public), use, err, err2)
			}
			for _, k := range keys {
				if want := k.ID == "first" || k.ID == "second"; k.Void() != want {
					t.Errorf("%s is void: %t", k.ID, k.Void())
				}
			}
		}
	})
}

// TestRevocationIsOfWhatWasReplaced: who was told to leave a key that something has replaced
// meanwhile revokes nothing. It would have been the new one, with which everything is signed.
func TestRevocationIsOfWhatWasReplaced(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openTarget(t, target)
		now, replaces := time.Now(), ""
		for _, id := range []string{"first", "second", "third"} {
			k := registry.SigningKey{ID: id, Use: registry.KeyUseCAS, PKCS8: []byte{1}, SPKI: []byte{1}, CreatedAt: now}
			if err := db.AddSigningKey(t.Context(), k, replaces); err != nil {
				t.Fatal(err)
			}
			replaces, now = id, now.Add(time.Second)
		}
		for _, except := range []string{"second", "none"} {
			if n, err := db.RevokeSigningKeys(t.Context(), registry.KeyUseCAS, except); n != 0 || !errors.Is(err, registry.ErrExists) {
				t.Errorf("%d were revoked, %v", n, err)
			}
		}
		keys, err := db.SigningKeys(t.Context(), registry.KeyUseCAS)
		for _, k := range keys {
			if err != nil || k.Void() {
				t.Errorf("%s is void, %v", k.ID, err)
			}
		}
	})
}

// TestAKeyThatComesSoonerEndsTheOthers, on both engines: one that signs at once, when two have
// been announced, is the only one of its use that signs from then on.
func TestAKeyThatComesSoonerEndsTheOthers(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db, now, replaces := openTarget(t, target), time.Now(), ""
		for _, k := range []struct {
			id    string
			begin time.Duration
		}{{"signing", 0}, {"announced", 20 * time.Minute}, {"announced again", 25 * time.Minute}, {"at once", 10 * time.Minute}} {
			key := registry.SigningKey{ID: k.id, Use: registry.KeyUseCAS, PKCS8: []byte{1}, SPKI: []byte{1}, CreatedAt: now, SignsFrom: now.Add(k.begin)}
			if err := db.AddSigningKey(t.Context(), key, replaces); err != nil {
				t.Fatal(err)
			}
			replaces = k.id
		}
		keys, err := db.SigningKeys(t.Context(), registry.KeyUseCAS)
		if err != nil || len(keys) != 4 || keys[0].ID != "at once" || !keys[0].RetiredAt.IsZero() {
			t.Fatalf("%+v, %v", keys, err)
		}
		for _, k := range keys[1:] {
			if !k.RetiredAt.Equal(instant(now.Add(10 * time.Minute))) {
				t.Errorf("%s is retired at %s", k.ID, k.RetiredAt)
			}
			if want := k.ID != "signing"; k.Void() != want {
				t.Errorf("%s is void: %t", k.ID, k.Void())
			}
		}
	})
}
