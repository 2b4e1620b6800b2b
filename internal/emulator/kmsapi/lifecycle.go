package kmsapi

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/awsjson"
	"github.com/managedcas/managedcas/internal/iam"
)

// Limits of waiting and rotation periods in days
// (https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html,
// …/API_EnableKeyRotation.html).
const (
	minWindow, maxWindow     = 7, 30
	minRotation, maxRotation = 90, 2560
	usualRotation            = 365
)

func (s *Service) enableKey(ctx context.Context, caller *api.Caller, in keyInput) (awsjson.None, error) {
	return s.setState(ctx, caller, "kms:EnableKey", in.KeyID, enabled)
}

func (s *Service) disableKey(ctx context.Context, caller *api.Caller, in keyInput) (awsjson.None, error) {
	return s.setState(ctx, caller, "kms:DisableKey", in.KeyID, disabled)
}

func (s *Service) setState(ctx context.Context, caller *api.Caller, action, id, to string) (awsjson.None, error) {
	f, err := s.authorized(ctx, caller, action, id, nil)
	if err != nil {
		return awsjson.None{}, err
	}
	return awsjson.None{}, s.change(f.ID, func(k *key) error {
		if err := s.notPending(k); err != nil {
			return err
		}
		k.State = to
		return nil
	})
}

type scheduleInput struct {
	KeyID               string `json:"KeyId"`
	PendingWindowInDays *int
}

type scheduleOutput struct {
	KeyID               string `json:"KeyId"`
	DeletionDate        *awsjson.Epoch
	KeyState            string
	PendingWindowInDays int
}

func (s *Service) scheduleKeyDeletion(ctx context.Context, caller *api.Caller, in scheduleInput) (scheduleOutput, error) {
	days := maxWindow
	if in.PendingWindowInDays != nil {
		days = *in.PendingWindowInDays
	}
	if days < minWindow || days > maxWindow {
		return scheduleOutput{}, invalid("PendingWindowInDays must be from %d to %d", minWindow, maxWindow)
	}
	f, err := s.authorized(ctx, caller, "kms:ScheduleKeyDeletion", in.KeyID, func(c iam.Context) {
		c.Set("kms:ScheduleKeyDeletionPendingWindowInDays", strconv.Itoa(days))
	})
	if err != nil {
		return scheduleOutput{}, err
	}
	due := time.Now().UTC().AddDate(0, 0, days)
	err = s.change(f.ID, func(k *key) error {
		if err := s.notPending(k); err != nil {
			return err
		}
		k.State, k.DeletionDue = pendingDeletion, due
		return nil
	})
	if err != nil {
		return scheduleOutput{}, err
	}
	s.cfg.Log.InfoContext(ctx, "key deletion scheduled", slog.String("keyId", f.ID), slog.Time("due", due))
	return scheduleOutput{s.keyARN(f.ID), awsjson.EpochOf(due), pendingDeletion, days}, nil
}

type cancelOutput struct {
	KeyID string `json:"KeyId"`
}

func (s *Service) cancelKeyDeletion(ctx context.Context, caller *api.Caller, in keyInput) (cancelOutput, error) {
	f, err := s.authorized(ctx, caller, "kms:CancelKeyDeletion", in.KeyID, nil)
	if err != nil {
		return cancelOutput{}, err
	}
	err = s.change(f.ID, func(k *key) error {
		if k.State != pendingDeletion {
			return failure("KMSInvalidStateException", "%s is not pending deletion.", s.keyARN(k.ID))
		}
		k.State, k.DeletionDue = disabled, time.Time{}
		return nil
	})
	return cancelOutput{s.keyARN(f.ID)}, err
}

type rotationInput struct {
	KeyID                string `json:"KeyId"`
	RotationPeriodInDays *int
}

// enableKeyRotation notes the wish; the material is not in fact renewed.
func (s *Service) enableKeyRotation(ctx context.Context, caller *api.Caller, in rotationInput) (awsjson.None, error) {
	days := usualRotation
	if in.RotationPeriodInDays != nil {
		days = *in.RotationPeriodInDays
	}
	if days < minRotation || days > maxRotation {
		return awsjson.None{}, invalid("RotationPeriodInDays must be from %d to %d", minRotation, maxRotation)
	}
	f, err := s.authorized(ctx, caller, "kms:EnableKeyRotation", in.KeyID, func(c iam.Context) {
		c.Set("kms:RotationPeriodInDays", strconv.Itoa(days))
	})
	if err != nil {
		return awsjson.None{}, err
	}
	return awsjson.None{}, s.change(f.ID, func(k *key) error {
		k.Rotation, k.RotationPeriod, k.RotationSince = true, days, time.Now().UTC()
		return s.usable(k)
	})
}

func (s *Service) disableKeyRotation(ctx context.Context, caller *api.Caller, in keyInput) (awsjson.None, error) {
	f, err := s.authorized(ctx, caller, "kms:DisableKeyRotation", in.KeyID, nil)
	if err != nil {
		return awsjson.None{}, err
	}
	return awsjson.None{}, s.change(f.ID, func(k *key) error {
		k.Rotation = false
		return s.usable(k)
	})
}

type rotationOutput struct {
	KeyID                string `json:"KeyId"`
	KeyRotationEnabled   bool
	NextRotationDate     *awsjson.Epoch `json:",omitempty"`
	RotationPeriodInDays int            `json:",omitempty"`
}

func (s *Service) getKeyRotationStatus(ctx context.Context, caller *api.Caller, in keyInput) (rotationOutput, error) {
	f, err := s.authorized(ctx, caller, "kms:GetKeyRotationStatus", in.KeyID, nil)
	if err != nil {
		return rotationOutput{}, err
	}
	out := rotationOutput{KeyID: s.keyARN(f.ID)}
	// AWS suspends the rotation of a key that waits for its deletion.
	if f.Rotation && f.State != pendingDeletion {
		out.KeyRotationEnabled = true
		out.RotationPeriodInDays = f.RotationPeriod
		out.NextRotationDate = awsjson.EpochOf(f.RotationSince.AddDate(0, 0, f.RotationPeriod))
	}
	return out, nil
}
