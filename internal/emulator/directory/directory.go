// Package directory holds who exists in the embedded account: roles, users, access
// keys, managed policies, and the sessions issued for roles.
//
// It keeps records and knows nothing of the IAM API's rules about them; those are
// in package iamapi. Reads come in two kinds, because IAM is eventually consistent:
// View sees what the IAM API itself would answer, Replica sees what the other
// services know by now, which is behind by the propagation delay.
package directory

import (
	"crypto/cipher"
	"errors"
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/managedcas/managedcas/internal/emulator/state"
)

// ErrNotFound says that there is no such record.
var ErrNotFound = state.ErrNotFound

// Directory is the identity records of one account. It is safe for concurrent use.
type Directory struct {
	db          *state.DB
	account     string
	propagation func() time.Duration
	root        AccessKey
	sealer      cipher.AEAD
	opened      *lru.Cache[sessionToken, sealed]
}

// Open opens the records of account (12 digits) in db, and creates the root user's
// access key and the key that seals session tokens when db has none yet.
// propagation says how long a change of a role, user or policy stays invisible to
// the services that evaluate it; it is asked at every change, nil means no delay.
func Open(db *state.DB, account string, propagation func() time.Duration) (*Directory, error) {
	if propagation == nil {
		propagation = func() time.Duration { return 0 }
	}
	opened, err := lru.New[sessionToken, sealed](keptTokens)
	if err != nil {
		return nil, err // only of a size below 1
	}
	d := &Directory{db: db, account: account, propagation: propagation, opened: opened}
	err = d.Update(func(tx Tx) error {
		kept, err := accounts.Get(tx, account)
		if errors.Is(err, ErrNotFound) {
			kept = accountRecord{Root: NewAccessKey("", tx.now), SealingKey: newSealingKey()}
			if err = accounts.Put(tx, account, kept); err == nil {
				err = AccessKeys.Put(tx, kept.Root.ID, kept.Root)
			}
		}
		if err != nil {
			return err
		}
		d.root = kept.Root
		d.sealer, err = newSealer(kept.SealingKey)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open identity records of account %s: %w", account, err)
	}
	return d, nil
}

// AccountID returns the account's 12 digits.
func (d *Directory) AccountID() string { return d.account }

// RootCredentials returns the access key of the account's root user.
func (d *Directory) RootCredentials() AccessKey { return d.root }

// RootARN returns the ARN of the account's root user.
func (d *Directory) RootARN() string { return "arn:aws:iam::" + d.account + ":root" }

// ARN returns the ARN of an IAM entity, such as "role" with path "/" and a name.
func (d *Directory) ARN(kind, path, name string) string {
	return "arn:aws:iam::" + d.account + ":" + kind + path + name
}

// Tx is a transaction of View, Replica or Update. It must not be kept.
type Tx struct {
	state   state.Tx
	now     time.Time
	delay   time.Duration
	replica bool
}

// Now returns the time of the transaction, to stamp records with.
func (tx Tx) Now() time.Time { return tx.now }

// View reads the newest records.
func (d *Directory) View(fn func(Tx) error) error {
	return d.db.View(func(tx state.Tx) error {
		return fn(Tx{state: tx, now: time.Now()})
	})
}

// Replica reads the records as far as they have propagated.
func (d *Directory) Replica(fn func(Tx) error) error {
	return d.db.View(func(tx state.Tx) error {
		return fn(Tx{state: tx, now: time.Now(), replica: true})
	})
}

// Update changes records; all of it happens or nothing. fn may run more than once
// and must have no effect outside of the transaction.
func (d *Directory) Update(fn func(Tx) error) error {
	delay := d.propagation()
	return d.db.Update(func(tx state.Tx) error {
		return fn(Tx{state: tx, now: time.Now(), delay: delay})
	})
}
