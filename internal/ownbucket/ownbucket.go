// Package ownbucket finds out whether an organization's own bucket can be used, by using
// it: what a validation says is what S3 answered.
//
// Invariants:
//   - It leaves nothing behind: that it may delete is tried before anything is written.
//   - What could not be tried says nothing: a throttled call makes no bucket invalid.
//   - Who asks has one validation at a time: all draw on one quota of AssumeRole calls.
//   - A finding is for the organization's administrators. It names nothing of this
//     installation.
package ownbucket

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// Reach is what a validation tries in a bucket. Errors wrap those of package cloud.
type Reach interface {
	// Put stores content unless something is there, which is cloud.ErrExists.
	Put(ctx context.Context, bucket, key string, d digest.Digest, content []byte) error
	Get(ctx context.Context, bucket, key string) ([]byte, error)
	List(ctx context.Context, bucket, prefix string) ([]string, error)
	// Delete is content when there is nothing.
	Delete(ctx context.Context, bucket, key string) error
	// Abort is content when no upload in parts is under way.
	Abort(ctx context.Context, bucket, key string) error
}

// Config is what New needs. Every field is required.
type Config struct {
	Installation tenancy.Installation
	STS          session.STS
	Open         func(session.Session) Reach
}

// Validator validates buckets. It is safe for concurrent use.
type Validator struct {
	cfg   Config
	turns turns
}

// New returns a Validator. It makes no request.
func New(cfg Config) *Validator {
	return &Validator{cfg: cfg, turns: turns{busy: map[org.ID]bool{}}}
}

const (
	// Timeout bounds a validation, all its calls together.
	Timeout = 10 * time.Second
	// cleanTime is what the deletion has beyond that: what was written goes, whoever left.
	cleanTime = 5 * time.Second
)

// Validate tries a bucket for somebody who asks. The finding says what has to be done about
// it; it is empty if the bucket is good. An error says that it could not be tried: ErrBusy,
// because of others that are.
func (v *Validator) Validate(ctx context.Context, id org.ID, b tenancy.OwnBucket) (finding string, err error) {
	leave, err := v.turns.take(id)
	if err != nil {
		return "", err
	}
	defer leave()
	return v.validate(ctx, id, b)
}

func (v *Validator) validate(ctx context.Context, id org.ID, b tenancy.OwnBucket) (finding string, err error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	if err := v.cfg.Installation.CheckOwnBucket(b); err != nil {
		return err.Error(), nil
	}
	tenant := v.cfg.Installation.Tenant(id)
	name := "canary-" + uuid.NewString()
	credentials, err := v.cfg.STS.AssumeRole(ctx, session.Request{
		RoleARN: b.RoleARN, SessionName: tenant.SessionName(), ExternalID: b.ExternalID,
		Policy: tenant.ValidationPolicy(b, name), Lifetime: minLifetime,
	})
	if err != nil {
		return judged(err, "the role cannot be assumed: let its trust policy allow it as cas-backend external-id shows, with the external id of this organization")
	}
	t := trial{
		reach: v.cfg.Open(session.Session{Tenant: tenant, Credentials: credentials, Backend: uuid.New(), Bucket: b}),
		b:     b, key: tenant.KeyPrefix() + name, prefix: tenant.KeyPrefix(),
	}
	return t.run(ctx)
}

// Guarded finds out whether the role of a bucket asks for the external id of its organization.
// One that lets us in with any could be named by another organization, which would then
// work in this one's bucket: the confused deputy, by a trust policy without its condition.
// It is asked when a role is given, and not again: each time is a refusal that somebody
// may be watching for.
func (v *Validator) Guarded(ctx context.Context, id org.ID, b tenancy.OwnBucket) (finding string, err error) {
	leave, err := v.turns.take(id)
	if err != nil {
		return "", err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	tenant := v.cfg.Installation.Tenant(id)
	_, err = v.cfg.STS.AssumeRole(ctx, session.Request{
		RoleARN: b.RoleARN, SessionName: tenant.SessionName(), ExternalID: "managedcas-" + rand.Text(),
		Policy: tenant.OwnBucketPolicy(b), Lifetime: minLifetime,
	})
	switch {
	case err == nil:
		return "the role lets in whoever sends any external id: have its trust policy ask for that of this organization (StringEquals, sts:ExternalId), as cas-backend external-id shows", nil
	case errors.Is(err, cloud.ErrDenied):
		return "", nil
	}
	return judged(err, "")
}

// minLifetime is the least that STS gives (facts AWS §4).
const minLifetime = 15 * time.Minute

// trial is one validation with its session.
type trial struct {
	reach       Reach
	b           tenancy.OwnBucket
	key, prefix string
}

func (t trial) run(ctx context.Context) (finding string, err error) {
	// S3 deletes what is not there if it may (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html).
	if err := t.reach.Delete(ctx, t.b.Name, t.key); err != nil {
		return judged(err, t.refused("s3:DeleteObject", "a validation deletes what it has written"))
	}
	if err := t.reach.Abort(ctx, t.b.Name, t.key); err != nil {
		return judged(err, t.refused("s3:AbortMultipartUpload", "what has arrived of a large upload that ends early could not be removed"))
	}
	content := []byte(t.key)
	d := digest.Of(content)
	defer func() {
		fresh, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTime)
		defer cancel()
		switch left := t.reach.Delete(fresh, t.b.Name, t.key); {
		case left == nil:
		case err != nil:
			err = errors.Join(err, left)
		case finding == "":
			finding, err = judged(left, t.refused("s3:DeleteObject", "a validation could not delete "+t.key))
		}
	}()
	if err := t.reach.Put(ctx, t.b.Name, t.key, d, content); err != nil {
		return judged(err, t.refused("s3:PutObject, and the use of the bucket's key if it has one", "nothing can be stored"))
	}
	if err := t.reach.Put(ctx, t.b.Name, t.key, d, content); !errors.Is(err, cloud.ErrExists) {
		if err == nil {
			return "the bucket does not keep to conditional writes (If-None-Match): artifacts could be overwritten in it", nil
		}
		return judged(err, t.refused("s3:PutObject", "what is stored is not protected"))
	}
	got, err := t.reach.Get(ctx, t.b.Name, t.key)
	if err != nil {
		return judged(err, t.refused("s3:GetObject, and the use of the bucket's key if it has one", "nothing can be read"))
	}
	if !bytes.Equal(got, content) {
		return "what was read is not what was written: something changes the objects of the bucket", nil
	}
	keys, err := t.reach.List(ctx, t.b.Name, t.key)
	if err != nil {
		return judged(err, t.refused("s3:ListBucket with the prefix "+t.prefix, "what is stored cannot be found"))
	}
	if len(keys) != 1 || keys[0] != t.key {
		return "what was written is not in the list of the bucket", nil
	}
	return "", nil
}

func (t trial) refused(permissions, why string) string {
	return fmt.Sprintf("%s: allow the role %s on %s*, and see that no policy of the bucket denies it", why, permissions, t.b.Name+"/"+t.prefix)
}

// judged turns a failure into a finding, if it says something about the bucket.
func judged(err error, denied string) (string, error) {
	switch {
	case errors.Is(err, cloud.ErrDenied), errors.Is(err, cloud.ErrExpired): // expired: its role was deleted this moment
		return denied, nil
	case errors.Is(err, cloud.ErrKeyUnusable):
		return "the key of the bucket cannot be used: it is disabled, deleted, or in another Region", nil
	case errors.Is(err, cloud.ErrNotFound):
		return "there is no such bucket in this Region, or what was just written is gone", nil
	case errors.Is(err, cloud.ErrLimit), errors.Is(err, cloud.ErrMalformedPolicy):
		return "", fmt.Errorf("%w: the session policy does not fit", err)
	case errors.Is(err, cloud.ErrInvalid):
		return "S3 does not accept requests for the bucket: see that its name and its Region are right", nil
	}
	return "", err
}
