package database

import (
	"bytes"
	"encoding/base64"
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
