// Package provision puts in place what an installation needs before its first
// organization: workload roles, base role, KMS key and bucket, with the policies of
// package tenancy. It is the part of the operator's guide that comes before the
// Helm chart.
//
//   - It plans first: Plan says what Apply would do, and Apply does that.
//   - It adopts what exists and is idempotent: after Apply, Plan is empty.
//   - It never deletes, never loosens a bucket's settings, keeps the denials that others
//     have put into its policies, and leaves alone the trust of a workload role that is not
//     all its own: which pods may have a role is its owner's choice.
//   - Removal takes all of it away again, when nothing of an organization is left.
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
	// Identity is how pods get the workload roles.
	Identity Identity
	// ReplacePolicies drops what others have put into policies of the installation, denials
	// too, which otherwise stay.
	ReplacePolicies bool
	// Begun, if there is one, is called before each step of Apply, the first being 1.
	Begun func(n int, step Step)
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
	in, err := checked(cfg.Installation)
	if err != nil {
		return nil, err
	}
	if err := cfg.Identity.Check(); err != nil {
		return nil, err
	}
	if _, err := cfg.Identity.trust(in, Workloads()); err != nil {
		return nil, err
	}
	return &Provisioner{cfg: cfg, in: in}, nil
}

// checked is tenancy.New for an installation whose key may not exist yet.
func checked(in tenancy.Installation) (tenancy.Installation, error) {
	key := in.KMSKeyARN
	if key == "" {
		in.KMSKeyARN = unknownKey(in)
	}
	in, err := tenancy.New(in)
	if err != nil {
		return in, err
	}
	in.KMSKeyARN = key
	return in, nil
}

// KeyAlias is the alias under which the key of an installation that does not name
// one is looked for and made.
func KeyAlias(in tenancy.Installation) string {
	// Bucket names are unique; of their characters, aliases lack the dot.
	return "alias/" + strings.ReplaceAll(in.BucketName, ".", "_")
}

// Plan observes AWS and returns what is missing, in an order in which everything
// exists before it is named: roles before the policies whose principals they are, the
// key before the bucket that it encrypts. It changes nothing.
func (p *Provisioner) Plan(ctx context.Context) (Plan, error) {
	plan := Plan{Adopted: []string{}, Steps: []Step{}} // of JSON, lists
	for _, part := range []func(context.Context, *Plan) error{
		p.workloadRoles, p.baseRole, p.purgeRole, p.key, p.permissions, p.keyPolicy, p.bucket,
	} {
		if err := part(ctx, &plan); err != nil {
			return Plan{}, err
		}
	}
	return plan, nil
}

// propagation is how long Apply waits for IAM to show what a step builds on: a role
// that was created a moment ago is no valid principal yet (facts AWS §5).
const propagation = 2 * time.Minute

// Apply carries out a plan of this Provisioner and returns the installation, with its
// key's ARN. A step that fails ends it; plan again and apply the rest.
func (p *Provisioner) Apply(ctx context.Context, plan Plan) (tenancy.Installation, error) {
	for i, step := range plan.Steps {
		if p.cfg.Begun != nil {
			p.cfg.Begun(i+1, step)
		}
		if err := patiently(ctx, step, settles); err != nil {
			return tenancy.Installation{}, err
		}
		p.cfg.Log.InfoContext(ctx, "provisioned", "step", step.String())
	}
	return tenancy.New(p.in)
}

// patiently carries out a step, again while AWS gets over the error by itself.
func patiently(ctx context.Context, step Step, passes func(error) bool) error {
	backoff := retry.WithMaxDuration(propagation, retry.WithCappedDuration(5*time.Second,
		retry.NewExponential(200*time.Millisecond)))
	err := retry.Do(ctx, backoff, func(ctx context.Context) error {
		err := step.do(ctx)
		if passes(err) {
			return retry.RetryableError(err)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", step, err)
	}
	return nil
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
