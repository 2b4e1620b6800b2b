package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/managedcas/managedcas/internal/registry"
)

// publishRetired is how long the public half of a retired CAS key stays published:
// much longer than the longest CAS token lives.
const publishRetired = time.Hour

// announceAhead is how long a new key is published before it signs. Verifiers fetch the keys
// every freshFor while there are tokens, a cache before them keeps an answer for a minute, and
// the clocks of two servers may be leeway apart: three times all of that.
const announceAhead = 20 * time.Minute

// recheck bounds how often an unknown key id makes anything look for new keys: the id
// is chosen by whoever sends the token.
const recheck = 5 * time.Second

// ErrUnknownKey means that no key has the id that a token names.
var ErrUnknownKey = errors.New("unknown signing key")

// Keys is where verifiers find public keys.
type Keys interface {
	// Key returns the public key with that id. ErrUnknownKey: there is none, and the
	// keys are fresh; any other error: the keys could not be asked for.
	Key(ctx context.Context, kid string) (*ecdsa.PublicKey, error)
}

// KeyStore keeps signing keys. Several processes may share it.
type KeyStore interface {
	// SigningKeys returns the keys of a use, the current one first.
	SigningKeys(ctx context.Context, use registry.KeyUse) ([]registry.SigningKey, error)
	// AddSigningKey adds a key that signs in place of another from Begins on.
	// registry.ErrExists: something has replaced that one already, or, when replaces is
	// empty, there is a key.
	AddSigningKey(ctx context.Context, k registry.SigningKey, replaces string) error
	// SetPublicKey records the public half of a key that was added without it.
	SetPublicKey(ctx context.Context, id string, spki []byte) error
	// RevokeSigningKeys has all keys of a use but the newest be void, and returns how many
	// were not. registry.ErrExists: another one is the newest.
	RevokeSigningKeys(ctx context.Context, use registry.KeyUse, except string) (int, error)
}

// KeyRing signs with the current key of one use, and knows the retired ones, and the one
// that will be the next. It is safe for concurrent use.
type KeyRing struct {
	store KeyStore
	use   registry.KeyUse

	mu      sync.Mutex
	keys    []ringKey // the newest first
	checked time.Time // the last look at the store
	failure error     // of it
}

type ringKey struct {
	record  registry.SigningKey
	private *ecdsa.PrivateKey
}

// published reports whether verifiers elsewhere are told of the key. A CAS key that is
// not is no good here either. API tokens, which may live for years, outlive their keys:
// it is their rows that make them good.
func (k ringKey) published() bool {
	retired := k.record.RetiredAt
	return retired.IsZero() || time.Since(retired) <= publishRetired && !k.record.Void()
}

// OpenKeyRing reads the keys of a use from the store. The first process ever to do
// so makes the first key.
func OpenKeyRing(ctx context.Context, store KeyStore, use registry.KeyUse) (*KeyRing, error) {
	r := &KeyRing{store: store, use: use}
	if err := r.load(ctx); err != nil {
		return nil, err
	}
	if len(r.keys) == 0 {
		// Of several processes that start at once, one wins; the others find its key.
		if err := r.add(ctx, 0); err != nil && !errors.Is(err, registry.ErrExists) {
			return nil, err
		}
		if err := r.load(ctx); err != nil {
			return nil, err
		}
	}
	if len(r.keys) == 0 {
		return nil, fmt.Errorf("open %s keys: the store has none and takes none", use)
	}
	return r, r.publish(ctx)
}

// publish gives the keys that early versions made their public half.
func (r *KeyRing) publish(ctx context.Context) error {
	for _, k := range r.keys {
		if len(k.record.SPKI) > 0 {
			continue
		}
		public, err := x509.MarshalPKIXPublicKey(&k.private.PublicKey)
		if err == nil {
			err = r.store.SetPublicKey(ctx, k.record.ID, public)
		}
		if err != nil {
			return fmt.Errorf("publish %s key %s: %w", r.use, k.record.ID, err)
		}
	}
	return nil
}

// Rotate makes a new key that signs from now on, for when the current one may be known to
// somebody. Tokens that the old one signed stay valid for publishRetired, if it is not revoked.
// A verifier that has just looked for keys may refuse the first tokens of the new one, for
// recheck. A key that was announced, and may be known as well, never signs.
func (r *KeyRing) Rotate(ctx context.Context) error { return r.replace(ctx, 0) }

// Revoke has every key but the newest count for nothing, and returns how many did before. API
// tokens and logins stay good: it is their rows that make them so. Other processes on the store
// hear of it within recheck, verifiers elsewhere when they next fetch the keys, within freshFor
// and a minute.
func (r *KeyRing) Revoke(ctx context.Context) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		if err := r.load(ctx); err != nil {
			return 0, err
		}
		revoked, err := r.store.RevokeSigningKeys(ctx, r.use, r.keys[0].record.ID)
		if errors.Is(err, registry.ErrExists) {
			continue // somebody rotates at the same moment, and that key will do as well
		}
		if err != nil {
			return 0, err
		}
		return revoked, r.load(ctx)
	}
}

// Announce makes a new key that signs announceAhead from now: when every verifier has heard
// of it.
func (r *KeyRing) Announce(ctx context.Context) error { return r.replace(ctx, announceAhead) }

// replace has the newest key replaced. When another process did at the same moment, that one
// will do.
func (r *KeyRing) replace(ctx context.Context, ahead time.Duration) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.load(ctx); err != nil {
		return err
	}
	if err := r.add(ctx, ahead); err != nil && !errors.Is(err, registry.ErrExists) {
		return err
	}
	return r.load(ctx)
}

// add adds a key that signs after a time, in place of the newest. The caller has the lock,
// or the only reference.
func (r *KeyRing) add(ctx context.Context, ahead time.Duration) error {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("generate %s key: %w", r.use, err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return fmt.Errorf("encode %s key: %w", r.use, err)
	}
	public, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		return fmt.Errorf("encode %s key: %w", r.use, err)
	}
	kid, err := keyID(&private.PublicKey)
	if err != nil {
		return err
	}
	now, replaces := time.Now(), ""
	if len(r.keys) > 0 {
		replaces = r.keys[0].record.ID
	}
	record := registry.SigningKey{ID: kid, Use: r.use, PKCS8: der, SPKI: public, CreatedAt: now, SignsFrom: now.Add(ahead)}
	if err := r.store.AddSigningKey(ctx, record, replaces); err != nil {
		return fmt.Errorf("add %s key: %w", r.use, err)
	}
	return nil
}

// load replaces the ring by what the store holds. The caller has the lock, or the
// only reference.
func (r *KeyRing) load(ctx context.Context) error {
	r.failure = r.read(ctx)
	r.checked = time.Now()
	return r.failure
}

func (r *KeyRing) read(ctx context.Context) error {
	records, err := r.store.SigningKeys(ctx, r.use)
	if err != nil {
		return fmt.Errorf("load %s keys: %w", r.use, err)
	}
	keys := make([]ringKey, 0, len(records))
	for _, record := range records {
		parsed, err := x509.ParsePKCS8PrivateKey(record.PKCS8)
		private, ok := parsed.(*ecdsa.PrivateKey)
		if err != nil || !ok || private.Curve != elliptic.P256() {
			return fmt.Errorf("load %s key %s: not a P-256 private key", r.use, record.ID)
		}
		keys = append(keys, ringKey{record, private})
	}
	if len(keys) == 0 && len(r.keys) > 0 {
		return fmt.Errorf("load %s keys: the store has lost them", r.use)
	}
	r.keys = keys
	return nil
}

// refresh loads for whoever waits for the lock: that one of them goes away is not the others'
// concern, and a store that hangs holds all of them up, so that it is given little time.
func (r *KeyRing) refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	defer cancel()
	return r.load(ctx)
}

// Key implements Keys. An id that is not known yet may be that of a key which
// another process has just made. A store that failed is not asked again before recheck either.
func (r *KeyRing) Key(ctx context.Context, kid string) (*ecdsa.PublicKey, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for range 2 {
		for _, k := range r.keys {
			if k.record.ID == kid && (r.use == registry.KeyUseAPI || k.published()) {
				return &k.private.PublicKey, nil
			}
		}
		if time.Since(r.checked) < recheck {
			break
		}
		if err := r.refresh(ctx); err != nil {
			return nil, err
		}
	}
	if r.failure != nil {
		return nil, r.failure
	}
	return nil, ErrUnknownKey
}

// lately reports whether a key that Key knows is good for tokens without a row: it signs, will
// sign, or has signed in the last hour (publishRetired), and is not revoked.
func (r *KeyRing) lately(ctx context.Context, kid string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.follow(ctx)
	return slices.ContainsFunc(r.keys, func(k ringKey) bool { return k.record.ID == kid && k.published() })
}

// follow looks for the keys of other processes when it has not for recheck. A store that
// does not answer leaves the known ones. The caller has the lock.
func (r *KeyRing) follow(ctx context.Context) {
	if time.Since(r.checked) >= recheck {
		_ = r.refresh(ctx) // a retired key stays good for publishRetired: there is time to try again
	}
}

// current returns the key that signs now: of those that have begun and are not void, the last.
// Where the clock says that none has, it is the first one. The caller has the lock.
func (r *KeyRing) current() ringKey {
	good := slices.DeleteFunc(slices.Clone(r.keys), func(k ringKey) bool { return k.record.Void() })
	now, current := time.Now(), good[len(good)-1] // the newest of all never is void
	for _, k := range good {
		if begins := k.record.Begins(); !begins.After(now) && begins.After(current.record.Begins()) {
			current = k
		}
	}
	return current
}

// signer returns a signer with the current key, whichever process made it: what a key
// signs that was retired long ago is refused.
func (r *KeyRing) signer(ctx context.Context) (jose.Signer, error) {
	r.mu.Lock()
	r.follow(ctx)
	current := r.current()
	r.mu.Unlock()
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: current.private, KeyID: current.record.ID}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, fmt.Errorf("make %s signer: %w", r.use, err)
	}
	return signer, nil
}

// JWKS returns the public keys that verifiers elsewhere need: the current one, the next and
// the lately retired (RFC 7517 §5).
func (r *KeyRing) JWKS(ctx context.Context) jose.JSONWebKeySet {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.follow(ctx)
	var set jose.JSONWebKeySet
	for _, k := range r.keys {
		if !k.published() {
			continue
		}
		set.Keys = append(set.Keys, jose.JSONWebKey{
			Key: &k.private.PublicKey, KeyID: k.record.ID, Algorithm: string(algorithm), Use: "sig",
		})
	}
	return set
}
