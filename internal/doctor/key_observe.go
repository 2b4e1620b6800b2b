package doctor

import (
	"context"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// Keys reads a KMS key.
type Keys interface {
	// KeyState takes an ARN, an id or an alias.
	KeyState(ctx context.Context, id string) (cloud.KeyState, error)
	KeyPolicy(ctx context.Context, arn string) ([]byte, error)
	KeyRotates(ctx context.Context, arn string) (bool, error)
}

// keySeen is section 2 of the operator's guide.
type keySeen struct {
	Key        Seen[cloud.KeyState]
	KeyPolicy  Seen[[]byte]
	KeyRotates Seen[bool]
	// DefaultKey is the key of the bucket's default encryption, where that names another.
	DefaultKey Seen[cloud.KeyState]
}

func (d *Doctor) observeKey(ctx context.Context, in tenancy.Installation, encryption Seen[cloud.Encryption]) keySeen {
	keys := d.cfg.Keys
	s := keySeen{
		Key:        seen(keys.KeyState(ctx, in.KMSKeyARN)),
		KeyPolicy:  seen(keys.KeyPolicy(ctx, in.KMSKeyARN)),
		KeyRotates: seen(keys.KeyRotates(ctx, in.KMSKeyARN)),
	}
	s.DefaultKey.Err = encryption.Err
	if name := encryption.Value.KeyARN; name == in.KMSKeyARN {
		s.DefaultKey = s.Key
	} else if name != "" {
		s.DefaultKey = seen(keys.KeyState(ctx, name))
	}
	return s
}
