package secretsapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/awsjson"
	"github.com/managedcas/managedcas/internal/emulator/state"
	"github.com/managedcas/managedcas/internal/iam"
)

// The recovery window in days
// (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html).
const minWindow, maxWindow = 7, 30

type deleteInput struct {
	SecretId                   string //nolint:revive // the member's name on the wire
	RecoveryWindowInDays       *int
	ForceDeleteWithoutRecovery bool
}

type deleteOutput struct {
	ARN          string
	Name         string
	DeletionDate *awsjson.Epoch
}

// deleteSecret marks a secret for deletion, or destroys it at once. Destroying what is
// not there succeeds, so that it can be repeated.
func (s *Service) deleteSecret(ctx context.Context, caller *api.Caller, in deleteInput) (out deleteOutput, err error) {
	days := maxWindow
	if in.RecoveryWindowInDays != nil {
		days = *in.RecoveryWindowInDays
	}
	switch {
	case in.ForceDeleteWithoutRecovery && in.RecoveryWindowInDays != nil:
		return out, invalidParameter("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
	case days < minWindow || days > maxWindow:
		return out, invalidParameter("The RecoveryWindowInDays value must be between %d and %d days (inclusive).", minWindow, maxWindow)
	}
	now := time.Now().UTC()
	found, err := s.authorized(ctx, caller, "DeleteSecret", in.SecretId, in.conditions())
	if in.ForceDeleteWithoutRecovery && isNotFound(err) {
		return deleteOutput{ARN: in.SecretId, Name: in.SecretId, DeletionDate: awsjson.EpochOf(now)}, nil
	}
	if err != nil {
		return out, err
	}
	due := now.AddDate(0, 0, days)
	if in.ForceDeleteWithoutRecovery {
		due = now
	}
	out = deleteOutput{found.ARN, found.Name, awsjson.EpochOf(due)}
	if in.ForceDeleteWithoutRecovery {
		return out, s.cfg.DB.Update(func(tx state.Tx) error {
			current, err := s.find(tx, found.ARN)
			if errors.Is(err, state.ErrNotFound) || err == nil && current.ARN != found.ARN {
				return nil
			}
			if err != nil {
				return err
			}
			return destroy(tx, current)
		})
	}
	return out, s.change(found.ARN, func(_ state.Tx, current *secret) error {
		if !current.Deleted.IsZero() {
			return invalidRequest("You can't perform this operation on the secret because it was already scheduled for deletion.")
		}
		current.Deleted, current.DeletionDue = now, due
		return nil
	})
}

func (in deleteInput) conditions() iam.Context {
	keys := about("secretsmanager:ForceDeleteWithoutRecovery", strconv.FormatBool(in.ForceDeleteWithoutRecovery))
	if in.RecoveryWindowInDays != nil {
		keys.Set("secretsmanager:RecoveryWindowInDays", strconv.Itoa(*in.RecoveryWindowInDays))
	}
	return keys
}

func isNotFound(err error) bool {
	refused, ok := errors.AsType[*api.Error](err)
	return ok && refused.Status == http.StatusBadRequest && refused.Code == notFound().Code
}

type secretInput struct {
	SecretId string //nolint:revive // the member's name on the wire
}

type secretOutput struct {
	ARN  string
	Name string
}

func (s *Service) restoreSecret(ctx context.Context, caller *api.Caller, in secretInput) (secretOutput, error) {
	found, err := s.authorized(ctx, caller, "RestoreSecret", in.SecretId, nil)
	if err != nil {
		return secretOutput{}, err
	}
	return secretOutput{found.ARN, found.Name}, s.change(found.ARN, func(_ state.Tx, now *secret) error {
		now.Deleted, now.DeletionDue = time.Time{}, time.Time{}
		return nil
	})
}
