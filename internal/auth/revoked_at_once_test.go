package auth

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/managedcas/managedcas/internal/registry"
)

// overtaken is a store in which another process rotates between the look at the keys and the
// revocation of all but the newest.
type overtaken struct {
	KeyStore
	meanwhile func()
}

func (o *overtaken) RevokeSigningKeys(ctx context.Context, use registry.KeyUse, except string) (int, error) {
	if o.meanwhile != nil {
		o.meanwhile()
		o.meanwhile = nil
	}
	return o.KeyStore.RevokeSigningKeys(ctx, use, except)
}

// TestTwoWhoRevokeAtOnce leave a key that signs: that of the other one is not revoked with the
// rest, for then there was none, and no rotation would find one to replace.
func TestTwoWhoRevokeAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := newInstallationInBubble(t)
		defer in.db.Close()
		time.Sleep(time.Minute)
		store := &overtaken{KeyStore: in.db, meanwhile: func() {
			time.Sleep(time.Second)
			if err := in.cas.Rotate(t.Context()); err != nil {
				t.Error(err)
			}
		}}
		ring, err := OpenKeyRing(t.Context(), store, registry.KeyUseCAS)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := ring.Revoke(t.Context()); err != nil || n != 1 {
			t.Fatalf("%d keys were revoked, %v, want the old one", n, err)
		}
		list, err := ring.List(t.Context())
		if err != nil || len(list) != 2 || list[0].State != KeySigning || !list[0].RetiredAt.IsZero() || list[1].State != KeyDead {
			t.Errorf("the keys are %+v, %v, want the other's, and a dead one", list, err)
		}
		if err := in.cas.Rotate(t.Context()); err != nil || ring.keys[0].record.ID == in.cas.keys[0].record.ID {
			t.Errorf("a rotation afterwards replaces nothing: %v", err)
		}
	})
}
