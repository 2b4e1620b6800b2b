package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// asBackend makes what an organization has, uses it, and takes it away.
func (c *canary) asBackend(ctx context.Context) {
	c.tidy(ctx)
	policy := c.tenant.PassedPolicy()
	c.noAccessPoint = true // as long as nobody has asked for one
	defer c.clean(ctx)
	c.need(ctx, "create", "access points and session policies can be made", func(ctx context.Context) (string, error) {
		var err error
		policy, err = c.create(ctx)
		return c.tenant.APName(), err
	})
	c.need(ctx, "session", "an organization gets a session", func(ctx context.Context) (string, error) {
		return c.session(ctx, policy)
	})
	if c.useless && c.untried == "" {
		c.untried = "not tried: the backend makes the session policy of all organizations when it starts; run the doctor again then"
	}
	c.use(ctx)
	c.keptApart(ctx)
}

// create is idempotent: it may be repeated after a failure half way.
func (c *canary) create(ctx context.Context) (policy tenancy.PassedPolicy, err error) {
	if policy, err = c.sessionPolicy(ctx); err != nil {
		return policy, err
	}
	role, err := c.cfg.AWS.Role(ctx, c.in.BaseRoleName)
	if err != nil {
		return policy, err
	}
	_, err = c.cfg.AWS.CreateAccessPoint(ctx, c.tenant.APName(), c.in.BucketName)
	c.noAccessPoint = errors.Is(err, cloud.ErrDenied)
	if err != nil && !errors.Is(err, cloud.ErrExists) {
		return policy, err
	}
	return policy, c.cfg.AWS.PutAccessPointPolicy(ctx, c.tenant.APName(), c.tenant.APPolicy(role.ID))
}

// sessionPolicy makes the one of the installation's mode. The shared one of the mode ABAC is
// the backend's to make, when it starts: before that a session can be had, and used for nothing.
func (c *canary) sessionPolicy(ctx context.Context) (tenancy.PassedPolicy, error) {
	passed := c.tenant.PassedPolicy()
	switch c.in.SessionPolicyMode {
	case tenancy.Inline:
		return passed, nil
	case tenancy.ABAC:
		_, _, err := c.cfg.AWS.Policy(ctx, passed.ARN)
		if c.useless = errors.Is(err, cloud.ErrNotFound); c.useless {
			return c.borrowedPolicy(), nil
		}
		return passed, err
	}
	_, err := c.cfg.AWS.CreatePolicy(ctx, c.tenant.SessionPolicyName(), "Canary of managedcasd doctor", c.tenant.SessionPolicy())
	c.noPolicy = errors.Is(err, cloud.ErrDenied)
	if errors.Is(err, cloud.ErrExists) {
		err = nil
	}
	return passed, err
}

// use stores an artifact and reads it.
func (c *canary) use(ctx context.Context) {
	content := c.tenant.Canary()
	d := digest.Of(content)
	point, key := c.tenant.APARN(), c.tenant.ObjectKey(d)
	c.need(ctx, "put", "an organization can store", func(ctx context.Context) (string, error) {
		err := c.reach.Put(ctx, point, key, d, content)
		if errors.Is(err, cloud.ErrExists) { // by a try whose answer was lost
			err = nil
		}
		return "", err
	})
	c.need(ctx, "head", "what is stored is encrypted with the installation's key", func(ctx context.Context) (string, error) {
		with, err := c.reach.Head(ctx, point, key)
		if err == nil && with != c.in.KMSKeyARN {
			err = &otherKey{with}
		}
		return "", err
	})
	c.need(ctx, "get", "an organization can read", func(ctx context.Context) (string, error) {
		stored, err := c.reach.Get(ctx, point, key)
		if err == nil && !bytes.Equal(stored, content) {
			err = fmt.Errorf("%d bytes were stored, and %d others are read", len(content), len(stored))
		}
		return "", err
	})
	c.need(ctx, "list", "an organization can list", func(ctx context.Context) (string, error) {
		keys, err := c.reach.List(ctx, point, key)
		if err == nil && !slices.Contains(keys, key) {
			err = errors.New("what was stored is not listed")
		}
		return "", err
	})
}

// otherKey is the key of an object where the installation's should be.
type otherKey struct{ arn string }

func (e *otherKey) Error() string {
	if e.arn == "" {
		return "what was stored is not encrypted with a KMS key"
	}
	return "what was stored is encrypted with " + e.arn
}

// keptApart tries what is another's, and the bucket past the access point.
func (c *canary) keptApart(ctx context.Context) {
	point, bucket := c.tenant.APARN(), c.in.BucketName
	own, other := c.tenant.KeyPrefix(), c.in.Tenant(org.NewCanaryID(time.Now())).KeyPrefix()
	key := digest.Of(c.tenant.Canary()).String()
	list := func(bucket, prefix string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := c.reach.List(ctx, bucket, prefix)
			return err
		}
	}
	get := func(bucket, key string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := c.reach.Get(ctx, bucket, key)
			return err
		}
	}
	write := func(bucket, key string) func(context.Context) error {
		return func(ctx context.Context) error { return c.reach.Write(ctx, bucket, key) }
	}
	c.closed(ctx, "others", "what is another organization's is closed", list(point, other), get(point, other+key), write(point, other+key))
	c.closed(ctx, "bucket", "the bucket is closed past its access points", list(bucket, own), get(bucket, own+key), write(bucket, own+key))
}
