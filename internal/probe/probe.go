// Package probe finds out whether an organization can use its storage, and nobody
// else's, by doing it: with a session of its own, as a data path would.
//
// Invariants:
//   - Success is what AWS answered, never a conclusion from how it is configured.
//   - A probe leaves nothing but the canary, which is the same for ever
//     (docs/decisions/013-probe.md). What it tries on a neighbour would leave nothing
//     even if it were let in.
//   - What could not be tried is Unknown: a throttled call proves nothing.
package probe

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
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// Sessions mints a session, fresh for every probe.
type Sessions interface {
	For(ctx context.Context, id org.ID) (session.Session, error)
}

// Reach is all that a session may try in S3; bucket is a bucket's name or the ARN of an
// access point. Errors wrap those of package cloud.
type Reach interface {
	// Put stores content unless something is there, which is cloud.ErrExists.
	Put(ctx context.Context, bucket, key string, d digest.Digest, content []byte) error
	// Get returns the content, or as much of it as a canary can have.
	Get(ctx context.Context, bucket, key string) ([]byte, error)
	// List returns some of the keys with the prefix.
	List(ctx context.Context, bucket, prefix string) ([]string, error)
	// Write asks for all that an upload needs, and takes it back before anything is stored.
	Write(ctx context.Context, bucket, key string) error
}

// Neighbours knows who else there is.
type Neighbours interface {
	// Neighbour returns some organization whose storage is in use, other than the given
	// one; registry.ErrNotFound when there is none.
	Neighbour(ctx context.Context, of org.ID) (org.ID, error)
}

// Config is what New needs. Every field is required.
type Config struct {
	Installation tenancy.Installation
	Sessions     Sessions
	Open         func(session.Session) Reach
	Neighbours   Neighbours
}

// Prober probes the organizations of one installation. It is safe for concurrent use.
type Prober struct{ cfg Config }

// New returns a Prober. It makes no request.
func New(cfg Config) *Prober { return &Prober{cfg} }

// timeout bounds one probe with its retries. Without trouble it takes some 20 calls.
const timeout = 20 * time.Second

// Probe probes one organization.
func (p *Prober) Probe(ctx context.Context, id org.ID) Result {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	began := time.Now()
	r := p.probe(ctx, id)
	r.Took = time.Since(began)
	return r
}

func (p *Prober) probe(ctx context.Context, id org.ID) Result {
	s, err := p.cfg.Sessions.For(ctx, id)
	if err != nil {
		return noSession(err)
	}
	reach := p.cfg.Open(s)
	if r := own(ctx, reach, s.Tenant); r.Status != registry.True {
		return r
	}
	return p.others(ctx, reach, s.Tenant)
}

// own uses the organization's storage.
func own(ctx context.Context, reach Reach, t tenancy.Tenant) Result {
	content := t.Canary()
	d := digest.Of(content)
	point, key := t.APARN(), t.ObjectKey(d)
	listed, err := reach.List(ctx, point, key)
	if err != nil {
		return refused("list", err)
	}
	if !slices.Contains(listed, key) {
		if err := reach.Put(ctx, point, key, d, content); err != nil && !errors.Is(err, cloud.ErrExists) {
			return refused("write", err)
		}
	}
	stored, err := reach.Get(ctx, point, key)
	switch {
	case err != nil:
		return refused("read", err)
	case !bytes.Equal(stored, content):
		return Result{Status: registry.False, Reason: CanaryChanged,
			Message: "what was stored is not what is read",
			Detail:  fmt.Errorf("%s holds %d other bytes; somebody who can write past the policies replaced it", key, len(stored))}
	}
	if err := reach.Write(ctx, point, key); err != nil {
		return refused("write", err)
	}
	return reachable
}

// trespass is one attempt to reach what is somebody else's.
type trespass struct {
	verb   string
	bucket string
	whose  tenancy.Tenant
}

// others tries what must be denied, each of it: one success is one too many.
func (p *Prober) others(ctx context.Context, reach Reach, t tenancy.Tenant) Result {
	bucket := p.cfg.Installation.BucketName
	nobody := p.cfg.Installation.Tenant(org.NewID())
	doors := map[string]tenancy.Tenant{t.APARN(): nobody, bucket: t} // its own artifacts, past its access point
	attempts := attemptsAt(doors)
	neighbour, err := p.cfg.Neighbours.Neighbour(ctx, t.ID())
	switch {
	case err == nil:
		other := p.cfg.Installation.Tenant(neighbour)
		attempts = append(attempts, attemptsAt(map[string]tenancy.Tenant{t.APARN(): other, other.APARN(): other, bucket: other})...)
	case !errors.Is(err, registry.ErrNotFound):
		return untried(err)
	}
	for _, a := range attempts {
		switch err := a.commit(ctx, reach); {
		case errors.Is(err, cloud.ErrDenied):
		case err == nil, !inconclusive(ctx, err):
			return Result{Status: registry.False, Reason: IsolationBroken,
				Message: "the organization is not kept apart from others",
				Detail:  fmt.Errorf("a session of organization %s was not denied to %s %s in %s: %w", t.ID(), a.verb, a.whose.KeyPrefix(), a.bucket, answer(err))}
		default:
			return untried(err)
		}
	}
	return reachable
}

func attemptsAt(doors map[string]tenancy.Tenant) []trespass {
	var attempts []trespass
	for bucket, whose := range doors {
		for _, verb := range []string{"read", "list", "write"} {
			attempts = append(attempts, trespass{verb, bucket, whose})
		}
	}
	return attempts
}

func (a trespass) commit(ctx context.Context, reach Reach) error {
	key := a.whose.ObjectKey(digest.Of(a.whose.Canary()))
	var err error
	switch a.verb {
	case "read":
		_, err = reach.Get(ctx, a.bucket, key)
	case "list":
		_, err = reach.List(ctx, a.bucket, a.whose.KeyPrefix())
	default:
		err = reach.Write(ctx, a.bucket, key)
	}
	return err
}
