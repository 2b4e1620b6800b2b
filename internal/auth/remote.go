package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"

	"github.com/managedcas/managedcas/internal/registry"
)

// The limits of fetching keys.
const (
	maxJWKS      = 64 << 10 // bytes; a key has about 250
	fetchTimeout = 5 * time.Second
	freshFor     = 5 * time.Minute
	complainFor  = time.Minute // between two lines of the log about the same failure
)

// StaticKeys are keys that never change, by their ids.
type StaticKeys map[string]*ecdsa.PublicKey

// Key implements Keys.
func (s StaticKeys) Key(_ context.Context, kid string) (*ecdsa.PublicKey, error) {
	if key, ok := s[kid]; ok {
		return key, nil
	}
	return nil, ErrUnknownKey
}

// RemoteKeys are the keys that a control plane publishes. They are cached, asked for
// again every five minutes and when a token names a new one. While the control plane cannot
// be reached, known keys stay good, and the database is asked for others.
type RemoteKeys struct {
	url    string
	client *http.Client
	stored PublicKeys // nil: nobody is asked instead
	log    *slog.Logger
	flight singleflight.Group

	mu         sync.Mutex
	keys       StaticKeys
	attempted  time.Time
	failure    error // of the last attempt
	complained time.Time
}

// NewRemoteKeys returns the keys published at url (the control plane's
// /.well-known/jwks.json). Nothing is fetched before somebody asks for a key, or whether
// there are any.
func NewRemoteKeys(url string, client *http.Client, stored PublicKeys, log *slog.Logger) *RemoteKeys {
	return &RemoteKeys{url: url, client: client, stored: stored, log: log}
}

// PublicKeys finds the public keys of CAS tokens where the control plane keeps them.
type PublicKeys interface {
	// PublicKeys returns those that were not retired before a time, DER by key id.
	PublicKeys(ctx context.Context, use registry.KeyUse, since time.Time) (map[string][]byte, error)
}

// Ready reports why no token can be verified: nil once the keys have been fetched. An
// outage of the control plane later is none of its business, for known keys stay good.
func (r *RemoteKeys) Ready(ctx context.Context) error {
	known, age, err := r.known()
	if !known && age >= recheck {
		if err := r.ask(ctx); err != nil {
			return err
		}
		known, _, err = r.known()
	}
	if known {
		return nil
	}
	return err
}

func (r *RemoteKeys) known() (bool, time.Duration, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.keys) > 0, time.Since(r.attempted), r.failure
}

// Key implements Keys.
func (r *RemoteKeys) Key(ctx context.Context, kid string) (*ecdsa.PublicKey, error) {
	key, age, err := r.cached(kid)
	if key != nil && age < freshFor {
		return key, nil
	}
	if age >= recheck {
		if err := r.ask(ctx); err != nil {
			return nil, err
		}
		key, _, err = r.cached(kid)
	}
	switch {
	case key != nil:
		return key, nil
	case err != nil:
		return nil, err
	}
	return nil, ErrUnknownKey
}

// ask waits for a fetch, of which one runs at a time. It fails only if ctx ends first.
func (r *RemoteKeys) ask(ctx context.Context) error {
	// Detached: who goes away while the fetch runs must not fail those who wait.
	result := r.flight.DoChan("", func() (any, error) {
		r.refresh(context.WithoutCancel(ctx))
		return nil, nil
	})
	select {
	case <-result:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// cached returns the key if it is known, how long ago the keys were last asked for,
// and how that ended.
func (r *RemoteKeys) cached(kid string) (*ecdsa.PublicKey, time.Duration, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keys[kid], time.Since(r.attempted), r.failure
}

// refresh asks once. A failure keeps the keys that are known.
func (r *RemoteKeys) refresh(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	keys, err := r.fetch(ctx)
	var stored StaticKeys
	if err != nil {
		stored = r.readStored(context.WithoutCancel(ctx))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.attempted, r.failure = time.Now(), err
	if len(stored) > 0 {
		r.keys, r.failure = stored, nil
	}
	switch {
	case err == nil:
		r.keys = keys
		if !r.complained.IsZero() {
			r.log.InfoContext(ctx, "the keys of CAS tokens can be fetched again", "url", r.url)
		}
		r.complained = time.Time{}
	case r.complained.IsZero() || time.Since(r.complained) >= complainFor:
		r.complained = time.Now()
		r.log.WarnContext(ctx, "the keys of CAS tokens cannot be fetched: is cas.controlplaneUrl the control plane's HTTP port?",
			"url", r.url, "known", len(r.keys), "error", err)
	}
}

// readStored returns what the database has; none when it does not answer either.
func (r *RemoteKeys) readStored(ctx context.Context) StaticKeys {
	if r.stored == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	found, err := r.stored.PublicKeys(ctx, registry.KeyUseCAS, time.Now().Add(-publishRetired))
	if err != nil {
		r.log.WarnContext(ctx, "nor can the keys of CAS tokens be read from the database", "error", err)
		return nil
	}
	keys := StaticKeys{}
	for kid, der := range found {
		parsed, err := x509.ParsePKIXPublicKey(der)
		if public, ok := parsed.(*ecdsa.PublicKey); err == nil && ok && public.Curve == elliptic.P256() {
			keys[kid] = public
		}
	}
	return keys
}

func (r *RemoteKeys) fetch(ctx context.Context) (StaticKeys, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, nil)
	if err != nil {
		return nil, fmt.Errorf("fetch keys: %w", err)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("fetch keys: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetch keys from %s: status %d", r.url, resp.StatusCode)
	}
	var set jose.JSONWebKeySet
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxJWKS)).Decode(&set); err != nil {
		return nil, fmt.Errorf("read keys from %s: %w", r.url, err)
	}
	keys := StaticKeys{}
	for _, k := range set.Keys {
		if public, ok := k.Key.(*ecdsa.PublicKey); ok && public.Curve == elliptic.P256() && k.KeyID != "" {
			keys[k.KeyID] = public
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("fetch keys: the control plane publishes none")
	}
	return keys, nil
}
