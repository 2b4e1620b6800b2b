package kmsapi

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/awsjson"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// maxAlias is the limit of an alias name, with its prefix.
const maxAlias = 256

var aliasName = regexp.MustCompile(`^alias/[a-zA-Z0-9/_-]+$`)

type aliasInput struct {
	AliasName   string
	TargetKeyID string `json:"TargetKeyId"`
}

func checkAlias(name string) error {
	if len(name) > maxAlias || !aliasName.MatchString(name) {
		return failure("InvalidAliasNameException", "an alias is \"alias/\" and letters, digits, \"/\", \"_\" and \"-\", at most %d characters", maxAlias)
	}
	if strings.HasPrefix(name, awsAliases) {
		return failure("NotAuthorizedException", "the prefix %s is reserved for AWS", awsAliases)
	}
	return nil
}

// aliasChecks are the permissions that a change of an alias takes: on the alias,
// where only IAM policies decide, and on every key that gains or loses the name.
func (s *Service) aliasChecks(action, name string, caller *api.Caller, of ...found) ([]gate.Check, error) {
	checks := []gate.Check{s.plainCheck(action, s.arn("", name), caller)}
	for _, f := range of {
		check, err := s.keyCheck(action, f, caller)
		if err != nil {
			return nil, err
		}
		checks = append(checks, check)
	}
	return checks, nil
}

func (s *Service) createAlias(ctx context.Context, caller *api.Caller, in aliasInput) (awsjson.None, error) {
	if err := checkAlias(in.AliasName); err != nil {
		return awsjson.None{}, err
	}
	f, err := s.loadByID(in.TargetKeyID)
	if err != nil {
		return awsjson.None{}, err
	}
	checks, err := s.aliasChecks("kms:CreateAlias", in.AliasName, caller, f)
	if err != nil {
		return awsjson.None{}, err
	}
	if err := s.authorize(ctx, caller, checks...); err != nil {
		return awsjson.None{}, err
	}
	if err := s.notPending(&f.key); err != nil {
		return awsjson.None{}, err
	}
	now := time.Now().UTC()
	return awsjson.None{}, s.cfg.DB.Update(func(tx state.Tx) error {
		switch _, err := aliases.Get(tx, in.AliasName); {
		case err == nil:
			return failure("AlreadyExistsException", "An alias with the name %s already exists", s.arn("", in.AliasName))
		case !errors.Is(err, state.ErrNotFound):
			return err
		}
		return aliases.Put(tx, in.AliasName, alias{Name: in.AliasName, KeyID: f.ID, Created: now, Updated: now})
	})
}

func (s *Service) updateAlias(ctx context.Context, caller *api.Caller, in aliasInput) (awsjson.None, error) {
	if err := checkAlias(in.AliasName); err != nil {
		return awsjson.None{}, err
	}
	to, err := s.loadByID(in.TargetKeyID)
	if err != nil {
		return awsjson.None{}, err
	}
	from, err := s.load(in.AliasName)
	if err != nil {
		return awsjson.None{}, err
	}
	checks, err := s.aliasChecks("kms:UpdateAlias", in.AliasName, caller, from, to)
	if err != nil {
		return awsjson.None{}, err
	}
	if err := s.authorize(ctx, caller, checks...); err != nil {
		return awsjson.None{}, err
	}
	if err := s.notPending(&to.key); err != nil {
		return awsjson.None{}, err
	}
	return awsjson.None{}, s.cfg.DB.Update(func(tx state.Tx) error {
		a, err := aliases.Get(tx, in.AliasName)
		if err != nil {
			return s.aliasGone(in.AliasName, err)
		}
		a.KeyID, a.Updated = to.ID, time.Now().UTC()
		return aliases.Put(tx, in.AliasName, a)
	})
}

func (s *Service) aliasGone(name string, err error) error {
	if errors.Is(err, state.ErrNotFound) {
		return notFound("Alias " + s.arn("", name))
	}
	return err
}

type deleteAliasInput struct{ AliasName string }

func (s *Service) deleteAlias(ctx context.Context, caller *api.Caller, in deleteAliasInput) (awsjson.None, error) {
	if err := checkAlias(in.AliasName); err != nil {
		return awsjson.None{}, err
	}
	f, err := s.load(in.AliasName)
	if err != nil {
		return awsjson.None{}, err
	}
	checks, err := s.aliasChecks("kms:DeleteAlias", in.AliasName, caller, f)
	if err != nil {
		return awsjson.None{}, err
	}
	if err := s.authorize(ctx, caller, checks...); err != nil {
		return awsjson.None{}, err
	}
	return awsjson.None{}, s.cfg.DB.Update(func(tx state.Tx) error { return aliases.Delete(tx, in.AliasName) })
}

type listAliasesInput struct {
	KeyID string `json:"KeyId"`
	pageInput
}

type aliasEntry struct {
	AliasArn        string
	AliasName       string
	CreationDate    *awsjson.Epoch
	LastUpdatedDate *awsjson.Epoch
	TargetKeyID     string `json:"TargetKeyId"`
}

type listAliasesOutput struct {
	Aliases []aliasEntry
	pageOutput
}

func (s *Service) listAliases(ctx context.Context, caller *api.Caller, in listAliasesInput) (listAliasesOutput, error) {
	out := listAliasesOutput{Aliases: []aliasEntry{}}
	limit, err := in.limit(50, 100)
	if err != nil {
		return out, err
	}
	from, err := in.from()
	if err != nil {
		return out, err
	}
	if err := s.authorize(ctx, caller, s.plainCheck("kms:ListAliases", "*", caller)); err != nil {
		return out, err
	}
	var only string
	if in.KeyID != "" {
		f, err := s.loadByID(in.KeyID)
		if err != nil {
			return out, err
		}
		only = f.ID
	}
	err = s.cfg.DB.View(func(tx state.Tx) error {
		return aliases.Scan(tx, from, func(name string, a alias) (bool, error) {
			if only != "" && a.KeyID != only {
				return true, nil
			}
			if len(out.Aliases) == limit {
				out.pageOutput = next(name)
				return false, nil
			}
			out.Aliases = append(out.Aliases, aliasEntry{s.arn("", name), name, awsjson.EpochOf(a.Created), awsjson.EpochOf(a.Updated), a.KeyID})
			return true, nil
		})
	})
	return out, err
}
