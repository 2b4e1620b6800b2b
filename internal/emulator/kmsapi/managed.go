package kmsapi

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/state"
	"github.com/managedcas/managedcas/internal/iam"
)

// awsAliases begins the names of AWS managed keys. Nobody else may use it (checkAlias).
const awsAliases = "alias/aws/"

// ManagedKey returns the ARN of the AWS managed key of a service, such as
// "secretsmanager", and makes the key when it is first needed. It is a key like any
// other, but that its policy lets nobody change it, and lets every principal of the
// account use it through the service (via, "secretsmanager.REGION.amazonaws.com") and
// in no other way
// (https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-cmk).
func (s *Service) ManagedKey(ctx context.Context, service, via string) (string, error) {
	name := awsAliases + service
	f, err := s.load(name)
	if err == nil {
		return s.keyARN(f.ID), nil
	}
	if code(err) != "NotFoundException" {
		return "", err
	}
	k, err := s.newManagedKey(service, via)
	if err != nil {
		return "", err
	}
	err = s.save(ctx, k, func(tx state.Tx) error {
		switch a, err := aliases.Get(tx, name); {
		case err == nil:
			k.ID = a.KeyID // another request was faster: its key counts
			return errTaken
		case !errors.Is(err, state.ErrNotFound):
			return err
		}
		return aliases.Put(tx, name, alias{Name: name, KeyID: k.ID, Created: k.Created, Updated: k.Created})
	})
	if err != nil && !errors.Is(err, errTaken) {
		return "", err
	}
	return s.keyARN(k.ID), nil
}

func (s *Service) newManagedKey(service, via string) (k key, err error) {
	k = key{
		ID:          uuid.NewString(),
		Description: "AWS managed key of " + service,
		Created:     time.Now().UTC(),
		State:       enabled,
		Manager:     service,
	}
	k.Policy, err = s.bind(s.managedPolicy(via))
	return k, err
}

// describable is load, but that the AWS alias of an emulated service names a key before
// there is one: it is made, as AWS does
// (https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html), once it is
// known that the caller may describe it.
func (s *Service) describable(ctx context.Context, caller *api.Caller, id string) (found, error) {
	f, err := s.load(id)
	name := strings.TrimPrefix(id, s.arn("", ""))
	service, isAWS := strings.CutPrefix(name, awsAliases)
	if code(err) != "NotFoundException" || !isAWS || service != "s3" && service != "secretsmanager" {
		return f, err
	}
	via := service + "." + s.cfg.Region + ".amazonaws.com"
	k, err := s.newManagedKey(service, via)
	if err != nil {
		return found{}, err
	}
	if err := s.authorizeKey(ctx, caller, "kms:DescribeKey", found{key: k, aliases: []string{name}, alias: name}, nil); err != nil {
		return found{}, err
	}
	if _, err := s.ManagedKey(ctx, service, via); err != nil {
		return found{}, err
	}
	return s.load(id)
}

var errTaken = errors.New("the alias is taken")

// managedPolicy is the policy of AWS managed keys, whose first statement names
// everyone: conditions, not IAM policies, say who that is. Denies still bind.
func (s *Service) managedPolicy(via string) *iam.Document {
	return &iam.Document{
		Version: iam.Version2012,
		ID:      "auto-aws-managed",
		Statements: []iam.Statement{
			{
				Sid:        "UseThroughTheService",
				Effect:     iam.Allow,
				Principals: &iam.Principals{AWS: []string{"*"}},
				Actions:    []string{"kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"},
				Resources:  []string{"*"},
				Conditions: []iam.Condition{
					{Operator: "StringEquals", Key: "kms:CallerAccount", Values: []string{s.cfg.AccountID}},
					{Operator: "StringEquals", Key: "kms:ViaService", Values: []string{via}},
				},
			},
			{
				Sid:        "ReadMetadata",
				Effect:     iam.Allow,
				Principals: &iam.Principals{AWS: []string{"arn:aws:iam::" + s.cfg.AccountID + ":root"}},
				Actions:    []string{"kms:Describe*", "kms:Get*", "kms:List*"},
				Resources:  []string{"*"},
			},
		},
	}
}
