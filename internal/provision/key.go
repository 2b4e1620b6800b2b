package provision

import (
	"context"
	"errors"
	"fmt"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// key finds the installation's key, or plans to make it. A key that is named must
// exist: making another one would encrypt with a key that nobody configured.
func (p *Provisioner) key(ctx context.Context, plan *Plan) error {
	id := p.in.KMSKeyARN
	if id == "" {
		id = KeyAlias(p.in)
	}
	key, err := p.cfg.Keys.Key(ctx, id)
	switch {
	case errors.Is(err, cloud.ErrNotFound) && p.in.KMSKeyARN == "":
		plan.add("create a KMS key with alias "+id, p.createKey)
		return nil
	case errors.Is(err, cloud.ErrNotFound):
		return fmt.Errorf("%w; correct kmsKeyArn, or leave it empty to have a key made", err)
	case err != nil:
		return err
	case !key.Enabled:
		return fmt.Errorf("KMS key %s is disabled or pending deletion; enable it, or name another", key.ARN)
	}
	p.in.KMSKeyARN = key.ARN
	plan.adopt("KMS key " + key.ARN)
	return nil
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
func (p *Provisioner) keyPolicy(ctx context.Context, plan *Plan) error {
	var have cloud.Key
	if p.in.KMSKeyARN != "" {
		var err error
		if have, err = p.cfg.Keys.Key(ctx, p.in.KMSKeyARN); err != nil {
			return err
		}
	}
	if err := p.replace(plan, "replace the policy of the KMS key", policy{
		name: "key-policy", kind: iam.KindKey, where: "the policy of the KMS key", want: tenancy.Installation.KeyPolicy,
		put: func(ctx context.Context, d *iam.Document) error {
			return p.cfg.Keys.PutKeyPolicy(ctx, p.in.KMSKeyARN, d)
		},
	}, have.Policy); err != nil {
		return err
	}
	if !have.Rotates {
		plan.add("turn on yearly rotation of the KMS key", func(ctx context.Context) error {
			return p.cfg.Keys.RotateKey(ctx, p.in.KMSKeyARN)
		})
	}
	return nil
}
