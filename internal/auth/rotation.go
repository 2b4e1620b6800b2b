package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/managedcas/managedcas/internal/registry"
)

const (
	// DefaultRotation is how old a key becomes until its successor is announced.
	DefaultRotation = 30 * 24 * time.Hour
	// MinRotation leaves room for announceAhead and publishRetired, many times over.
	MinRotation = 24 * time.Hour
	// MaxRotation is where a key is no longer replaced in anybody's memory.
	MaxRotation = 10 * 365 * 24 * time.Hour

	// rotationPause is the time between two looks at the age of the keys.
	rotationPause = 10 * time.Minute
)

// Rotation announces successors of keys that have become old. Any number of processes may run
// it: one of them makes each key.
type Rotation struct {
	Rings []*KeyRing
	Age   time.Duration
	Log   *slog.Logger
}

// Run looks at the keys until ctx ends. A failure is logged, and tried again at the next look.
func (r Rotation) Run(ctx context.Context) error {
	pause := time.NewTimer(rand.N(rotationPause)) // replicas that start together do not look together
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-pause.C:
		}
		for _, ring := range r.Rings {
			kid, err := ring.renew(ctx, r.Age)
			switch {
			case err != nil:
				r.Log.LogAttrs(ctx, slog.LevelError, "signing key could not be replaced", slog.String("use", string(ring.use)), slog.Any("error", err))
			case kid != "":
				r.Log.LogAttrs(ctx, slog.LevelInfo, "the next signing key is announced", slog.String("use", string(ring.use)), slog.String("kid", kid), slog.Duration("signsIn", announceAhead))
			}
		}
		pause.Reset(rotationPause)
	}
}

// renew announces a successor when the newest key is older than age, and returns its id: none
// when another process has just replaced that key.
func (r *KeyRing) renew(ctx context.Context, age time.Duration) (kid string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.refresh(ctx); err != nil || time.Since(r.keys[0].record.Begins()) < age {
		return "", err
	}
	switch err := r.add(ctx, announceAhead); {
	case errors.Is(err, registry.ErrExists):
		return "", r.load(ctx)
	case err != nil:
		return "", err
	}
	err = r.load(ctx)
	return r.keys[0].record.ID, err
}

// KeyState is where a key stands in its life.
type KeyState string

// The states of a key, in the order of its life.
const (
	KeyAnnounced KeyState = "announced" // published, and signs later
	KeySigning   KeyState = "signing"
	KeyRetired   KeyState = "retired" // verifies what it signed
	KeyDead      KeyState = "dead"    // verifies nothing any more
)

// KeyInfo tells of a key what is no secret.
type KeyInfo struct {
	registry.SigningKey

	State KeyState
}

// List returns the keys of the ring, the newest first.
func (r *KeyRing) List(ctx context.Context) ([]KeyInfo, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.load(ctx); err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	current, now := r.current().record.ID, time.Now()
	var list []KeyInfo
	for _, k := range r.keys {
		info := KeyInfo{SigningKey: k.record, State: KeyRetired}
		info.PKCS8 = nil
		switch {
		case k.record.ID == current:
			info.State = KeySigning
		case r.use == registry.KeyUseCAS && !k.published():
			info.State = KeyDead
		case k.record.Begins().After(now) && !k.record.Void():
			info.State = KeyAnnounced
		}
		list = append(list, info)
	}
	return list, nil
}
