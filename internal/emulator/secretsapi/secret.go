package secretsapi

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/state"
)

// The staging labels that Secrets Manager moves by itself.
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

// secret is all that is known of a secret but its values.
type secret struct {
	Name        string
	ARN         string
	Description string
	KeyID       string // as the caller named it; empty: the AWS managed key
	Created     time.Time
	Changed     time.Time
	Tags        map[string]string
	Policy      []byte // bound form (gate.Principals); nil: none
	Versions    map[string]version

	Deleted     time.Time // zero: not marked for deletion
	DeletionDue time.Time
}

// version is a version without its value.
type version struct {
	Created time.Time
	Stages  []string
}

// sealed is the value of a version, encrypted.
type sealed struct {
	DataKey    []byte // under the KMS key
	Ciphertext []byte // under the data key
	Binary     bool   // SecretBinary, not SecretString
}

// The tables: secrets by name, values by valueKey.
const (
	secrets state.Table[secret] = "secretsmanager/secrets"
	values  state.Table[sealed] = "secretsmanager/values"
)

func valueKey(secretARN, versionID string) string { return secretARN + "/" + versionID }

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// suffixLength is how many random characters an ARN has after the name, so that a new
// secret does not inherit what policies granted to an old one of the same name.
const suffixLength = 6

func (s *Service) newARN(name string) string {
	suffix := make([]byte, suffixLength)
	random := make([]byte, suffixLength)
	rand.Read(random)
	for i, b := range random {
		suffix[i] = alphanumeric[int(b)%len(alphanumeric)]
	}
	return s.arnPrefix() + name + "-" + string(suffix)
}

func (s *Service) arnPrefix() string {
	return "arn:aws:secretsmanager:" + s.cfg.Region + ":" + s.cfg.AccountID + ":secret:"
}

// find reads the secret that id names: a name, an ARN, or an ARN without its random
// characters
// (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html).
func (s *Service) find(tx state.Tx, id string) (secret, error) {
	name, isARN := strings.CutPrefix(id, s.arnPrefix())
	if !isARN {
		return alive(secrets.Get(tx, id))
	}
	if n := len(name) - suffixLength - 1; n > 0 {
		found, err := alive(secrets.Get(tx, name[:n]))
		if err == nil && found.ARN == id {
			return found, nil
		}
		if err != nil && !errors.Is(err, state.ErrNotFound) {
			return found, err
		}
	}
	return alive(secrets.Get(tx, name))
}

// alive turns a secret whose recovery window is over into none.
func alive(found secret, err error) (secret, error) {
	if err == nil && found.due(time.Now()) {
		return secret{}, state.ErrNotFound
	}
	return found, err
}

func (s *Service) load(id string) (found secret, err error) {
	err = s.cfg.DB.View(func(tx state.Tx) error {
		found, err = s.find(tx, id)
		return err
	})
	return found, err
}

// change runs edit on a secret as it is now and stores the result. A secret that was
// deleted for good since it was authorized is gone, also when another has its name.
func (s *Service) change(arn string, edit func(state.Tx, *secret) error) error {
	return s.cfg.DB.Update(func(tx state.Tx) error {
		found, err := s.find(tx, arn)
		if errors.Is(err, state.ErrNotFound) || err == nil && found.ARN != arn {
			return notFound()
		}
		if err != nil {
			return err
		}
		if err := edit(tx, &found); err != nil {
			return err
		}
		return secrets.Put(tx, found.Name, found)
	})
}

// due reports whether the recovery window is over.
func (s *secret) due(now time.Time) bool { return !s.Deleted.IsZero() && !now.Before(s.DeletionDue) }

// live refuses to work on a secret that is marked for deletion.
func (s *secret) live() error {
	if !s.Deleted.IsZero() {
		return markedForDeletion()
	}
	return nil
}

// holder returns the id of the version that has a label, "" when none has.
func (s *secret) holder(stage string) string {
	for id, v := range s.Versions {
		if slices.Contains(v.Stages, stage) {
			return id
		}
	}
	return ""
}

// attach moves labels to a version. The version that loses AWSCURRENT becomes
// AWSPREVIOUS.
func (s *secret) attach(id string, stages ...string) {
	for _, stage := range stages {
		from := s.holder(stage)
		if from == id {
			continue
		}
		s.detach(from, stage)
		v := s.Versions[id]
		v.Stages = append(v.Stages, stage)
		s.Versions[id] = v
		if stage == current && from != "" {
			s.attach(from, previous)
		}
	}
}

func (s *secret) detach(id, stage string) {
	v, ok := s.Versions[id]
	if !ok {
		return
	}
	v.Stages = slices.DeleteFunc(slices.Clone(v.Stages), func(have string) bool { return have == stage })
	s.Versions[id] = v
}

// oldestFirst returns the ids of the versions in the order of their creation.
func (s *secret) oldestFirst() []string {
	ids := make([]string, 0, len(s.Versions))
	for id := range s.Versions {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int {
		return cmp.Or(s.Versions[a].Created.Compare(s.Versions[b].Created), cmp.Compare(a, b))
	})
	return ids
}

// destroyDue removes the secrets whose recovery window is over.
func (s *Service) destroyDue() error {
	return s.cfg.DB.Update(func(tx state.Tx) error {
		var due []secret
		err := secrets.Scan(tx, "", func(_ string, found secret) (bool, error) {
			if found.due(time.Now()) {
				due = append(due, found)
			}
			return true, nil
		})
		if err != nil {
			return err
		}
		for _, found := range due {
			if err := destroy(tx, found); err != nil {
				return fmt.Errorf("secret %s: %w", found.Name, err)
			}
		}
		return nil
	})
}

// destroy removes a secret with its values.
func destroy(tx state.Tx, gone secret) error {
	for id := range gone.Versions {
		if err := values.Delete(tx, valueKey(gone.ARN, id)); err != nil {
			return err
		}
	}
	return secrets.Delete(tx, gone.Name)
}
