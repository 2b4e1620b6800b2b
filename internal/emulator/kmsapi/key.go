package kmsapi

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/state"
)

// The states of a key. Imported and custom-store keys have more; there are none.
const (
	enabled         = "Enabled"
	disabled        = "Disabled"
	pendingDeletion = "PendingDeletion"
)

// The only kind of key here.
const (
	symmetric      = "SYMMETRIC_DEFAULT"
	encryptDecrypt = "ENCRYPT_DECRYPT"
	originKMS      = "AWS_KMS"
)

// key is all that is known of a key but its material.
type key struct {
	ID          string
	Description string
	Created     time.Time
	State       string
	DeletionDue time.Time // set in state PendingDeletion
	Policy      []byte    // bound form (gate.Principals)
	Tags        map[string]string
	Manager     string // AWS service whose key it is; empty: the customer's own

	Rotation       bool
	RotationPeriod int // days
	RotationSince  time.Time
}

// alias is a name for a key.
type alias struct {
	Name    string // "alias/…"
	KeyID   string
	Created time.Time
	Updated time.Time
}

const (
	keys     state.Table[key]    = "kms/keys"
	aliases  state.Table[alias]  = "kms/aliases"
	material state.Table[[]byte] = "kms/key-material"
)

// found is a key as a request named it.
type found struct {
	key
	aliases []string // all names of the key
	alias   string   // the name that the request used; empty when it gave the key id
}

func (s *Service) arn(kind, id string) string {
	return "arn:aws:kms:" + s.cfg.Region + ":" + s.cfg.AccountID + ":" + kind + id
}

func (s *Service) keyARN(id string) string { return s.arn("key/", id) }

// find reads the key that id names: a key id, key ARN, alias name or alias ARN. read is
// keys.Get for who changes the key, keys.Shared for everybody else.
func (s *Service) find(tx state.Tx, id string, read func(state.Tx, string) (key, error)) (found, error) {
	if id == "" {
		return found{}, invalid("the request names no key: set KeyId")
	}
	var f found
	name := strings.TrimPrefix(id, s.arn("", ""))
	keyID, isKeyARN := strings.CutPrefix(name, "key/")
	switch {
	case strings.HasPrefix(name, "arn:"):
		return f, s.notOurs(id)
	case strings.HasPrefix(name, "alias/"):
		a, err := aliases.Get(tx, name)
		if errors.Is(err, state.ErrNotFound) {
			return f, failure("NotFoundException", "Alias %s is not found.", s.arn("", name))
		}
		if err != nil {
			return f, err
		}
		keyID, f.alias = a.KeyID, name
	case !isKeyARN:
		keyID = name
	}
	k, err := read(tx, keyID)
	if errors.Is(err, state.ErrNotFound) || err == nil && k.due(time.Now()) {
		return f, s.noSuchKey(keyID)
	}
	if err != nil {
		return f, err
	}
	f.key = k
	f.aliases, err = aliasesOf(tx, k.ID)
	return f, err
}

// load is find in a transaction of its own.
func (s *Service) load(id string) (f found, err error) {
	err = s.cfg.DB.View(func(tx state.Tx) (err error) {
		f, err = s.find(tx, id, keys.Shared)
		return err
	})
	return f, err
}

// loadByID is load for operations that take no alias.
func (s *Service) loadByID(id string) (found, error) {
	if strings.HasPrefix(strings.TrimPrefix(id, s.arn("", "")), "alias/") {
		return found{}, failure("InvalidArnException", "this operation takes a key id or key ARN, not the alias %s", id)
	}
	return s.load(id)
}

// change runs edit on a key as it is now and stores the result.
func (s *Service) change(id string, edit func(*key) error) error {
	return s.cfg.DB.Update(func(tx state.Tx) error {
		f, err := s.find(tx, id, keys.Get)
		if err != nil {
			return err
		}
		if err := edit(&f.key); err != nil {
			return err
		}
		return keys.Put(tx, f.ID, f.key)
	})
}

func aliasesOf(tx state.Tx, keyID string) (names []string, err error) {
	err = aliases.Scan(tx, "", func(name string, a alias) (bool, error) {
		if a.KeyID == keyID {
			names = append(names, name)
		}
		return true, nil
	})
	return names, err
}

// due reports whether the key's waiting period is over: it is gone, though its
// material is destroyed only at the next start.
func (k *key) due(now time.Time) bool {
	return k.State == pendingDeletion && !now.Before(k.DeletionDue)
}

// usable returns nil when the key may be used for cryptography.
func (s *Service) usable(k *key) error {
	if k.State == disabled {
		return failure("DisabledException", "%s is disabled.", s.keyARN(k.ID))
	}
	return s.notPending(k)
}

func (s *Service) notPending(k *key) error {
	if k.State == pendingDeletion {
		return failure("KMSInvalidStateException", "%s is pending deletion.", s.keyARN(k.ID))
	}
	return nil
}

// destroyDue removes the keys whose waiting period is over, material first: after a
// crash between the two the key is still listed, and already useless.
func (s *Service) destroyDue() error {
	var due []string
	err := s.cfg.DB.View(func(tx state.Tx) error {
		return keys.Scan(tx, "", func(id string, k key) (bool, error) {
			if k.due(time.Now()) {
				due = append(due, id)
			}
			return true, nil
		})
	})
	if err != nil || len(due) == 0 {
		return err
	}
	for _, id := range due {
		if err := s.material.Update(func(tx state.Tx) error { return material.Delete(tx, id) }); err != nil {
			return fmt.Errorf("key %s: %w", id, err)
		}
		if err := s.cfg.DB.Update(func(tx state.Tx) error { return forget(tx, id) }); err != nil {
			return fmt.Errorf("key %s: %w", id, err)
		}
	}
	return nil
}

func forget(tx state.Tx, keyID string) error {
	names, err := aliasesOf(tx, keyID)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := aliases.Delete(tx, name); err != nil {
			return err
		}
	}
	return keys.Delete(tx, keyID)
}
