package provision

import (
	"context"
	"errors"
	"fmt"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
)

// key finds the installation's key, or plans to make it. A key that is named must
// exist: making another one would encrypt with a key that nobody configured.
func (p *Provisioner) key(ctx context.Context) ([]Step, error) {
	id := p.in.KMSKeyARN
	if id == "" {
		id = KeyAlias(p.in)
	}
	key, err := p.cfg.Keys.Key(ctx, id)
	switch {
	case errors.Is(err, cloud.ErrNotFound) && p.in.KMSKeyARN == "":
		return []Step{{"create a KMS key with alias " + id, p.createKey}}, nil
	case errors.Is(err, cloud.ErrNotFound):
		return nil, fmt.Errorf("%w; correct kmsKeyArn, or leave it empty to have a key made", err)
	case err != nil:
		return nil, err
	case !key.Enabled:
		return nil, fmt.Errorf("KMS key %s is disabled or pending deletion; enable it, or name another", key.ARN)
	}
	p.in.KMSKeyARN = key.ARN
	return nil, nil
}

// createKey makes the key and its alias. KMS has no idempotent creation: if the
// process dies between the two, a key without an alias stays behind.
func (p *Provisioner) createKey(ctx context.Context) error {
	if p.in.KMSKeyARN == "" {
		key, err := p.cfg.Keys.CreateKey(ctx, "managedcas artifacts in "+p.in.BucketName)
		if err != nil {
			return err
		}
		p.in.KMSKeyARN = key.ARN // a second try of this step names this one
	}
	return existsIsFine(p.cfg.Keys.AliasKey(ctx, KeyAlias(p.in), p.in.KMSKeyARN))
}

// keyPolicy plans the policy and rotation of the key.
func (p *Provisioner) keyPolicy(ctx context.Context) ([]Step, error) {
	var have cloud.Key
	if p.in.KMSKeyARN != "" {
		var err error
		if have, err = p.cfg.Keys.Key(ctx, p.in.KMSKeyARN); err != nil {
			return nil, err
		}
	}
	var plan []Step
	if differs(iam.KindKey, have.Policy, p.documents().KeyPolicy()) {
		plan = append(plan, Step{"replace the policy of the KMS key", func(ctx context.Context) error {
			return p.cfg.Keys.PutKeyPolicy(ctx, p.in.KMSKeyARN, p.in.KeyPolicy())
		}})
	}
	if !have.Rotates {
		plan = append(plan, Step{"turn on yearly rotation of the KMS key", func(ctx context.Context) error {
			return p.cfg.Keys.RotateKey(ctx, p.in.KMSKeyARN)
		}})
	}
	return plan, nil
}
