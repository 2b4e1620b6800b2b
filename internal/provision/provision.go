// Package provision puts in place what an installation needs before its first
// organization: workload roles, base role, KMS key and bucket, with the policies of
// package tenancy. It is the part of the operator's guide that comes before the
// Helm chart.
//
//   - It plans first: Plan says what Apply would do, and Apply does that.
//   - It adopts what exists and is idempotent: after Apply, Plan is empty.
//   - It never deletes, never loosens a bucket's settings, and leaves the trust of an
//     existing workload role alone: which pods may have a role is its owner's choice.
package provision

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/sethvargo/go-retry"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// Config is what New needs.
type Config struct {
	// Installation to provision. Its KMSKeyARN may be empty: the key behind KeyAlias is
	// used then, and made if there is none.
	Installation tenancy.Installation
	Roles        Roles
	Keys         Keys
	Buckets      Buckets
	Settings     Settings
	// Log receives one line per applied step; nil discards them.
	Log *slog.Logger
}

// Provisioner provisions one installation. It is not safe for concurrent use.
type Provisioner struct {
	cfg Config
	in  tenancy.Installation
}

// New checks the installation and returns a Provisioner. It makes no request.
func New(cfg Config) (*Provisioner, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	in := cfg.Installation
	if in.KMSKeyARN == "" {
		in.KMSKeyARN = unknownKey(in)
	}
	in, err := tenancy.New(in)
	if err != nil {
		return nil, err
	}
	in.KMSKeyARN = cfg.Installation.KMSKeyARN
	return &Provisioner{cfg: cfg, in: in}, nil
}

// KeyAlias is the alias under which the key of an installation that does not name
// one is looked for and made.
func KeyAlias(in tenancy.Installation) string {
	// Bucket names are unique; of their characters, aliases lack the dot.
	return "alias/" + strings.ReplaceAll(in.BucketName, ".", "_")
}

// Step is one thing that is missing or different. It prints as what will be done.
type Step struct {
	text string
	do   func(ctx context.Context) error
}

func (s Step) String() string { return s.text }

// Plan observes AWS and returns what is missing, in an order in which everything
// exists before it is named: roles before the policies whose principals they are, the
// key before the bucket that it encrypts. It changes nothing.
func (p *Provisioner) Plan(ctx context.Context) ([]Step, error) {
	var plan []Step
	for _, part := range []func(context.Context) ([]Step, error){
		p.workloadRoles, p.baseRole, p.purgeRole, p.key, p.permissions, p.keyPolicy, p.bucket,
	} {
		steps, err := part(ctx)
		if err != nil {
			return nil, err
		}
		plan = append(plan, steps...)
	}
	return plan, nil
}

// propagation is how long Apply waits for IAM to show what a step builds on: a role
// that was created a moment ago is no valid principal yet (facts AWS §5).
const propagation = 2 * time.Minute

// Apply carries out a plan of this Provisioner and returns the installation, with its
// key's ARN. A step that fails ends it; plan again and apply the rest.
func (p *Provisioner) Apply(ctx context.Context, plan []Step) (tenancy.Installation, error) {
	for _, step := range plan {
		backoff := retry.WithMaxDuration(propagation, retry.WithCappedDuration(5*time.Second,
			retry.NewExponential(200*time.Millisecond)))
		err := retry.Do(ctx, backoff, func(ctx context.Context) error {
			err := step.do(ctx)
			if settles(err) {
				return retry.RetryableError(err)
			}
			return err
		})
		if err != nil {
			return tenancy.Installation{}, fmt.Errorf("%s: %w", step, err)
		}
		p.cfg.Log.InfoContext(ctx, "provisioned", "step", step.String())
	}
	return tenancy.New(p.in)
}

// settles reports whether AWS gets over err by itself.
func settles(err error) bool {
	return cloud.Transient(err) || errors.Is(err, cloud.ErrMalformedPolicy) || errors.Is(err, cloud.ErrNotFound)
}

// documents returns the installation that documents are made from while the plan is
// made: with the key that it will have, or one that no document in AWS can name.
func (p *Provisioner) documents() tenancy.Installation {
	in := p.in
	if in.KMSKeyARN == "" {
		in.KMSKeyARN = unknownKey(in)
	}
	return in
}

func unknownKey(in tenancy.Installation) string {
	partition := in.Partition
	if partition == "" {
		partition = "aws"
	}
	return strings.Join([]string{"arn", partition, "kms", in.Region, in.AccountID, "key/00000000-0000-0000-0000-000000000000"}, ":")
}

// differs reports whether a policy text, nil for none, means something else than want.
func differs(kind iam.Kind, text []byte, want *iam.Document) bool {
	if text == nil {
		return true
	}
	have, err := iam.Parse(kind, text)
	return err != nil || string(have.Canonical()) != string(want.Canonical())
}
