package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// Account is asked how full the account is.
type Account interface {
	PolicyUse(ctx context.Context) (cloud.PolicyUse, error)
	// AccessPointsInUse counts those of all buckets in the Region.
	AccessPointsInUse(ctx context.Context) (int, error)
}

// QuotaConfig is what NewQuotas needs.
type QuotaConfig struct {
	Installation tenancy.Installation
	Account      Account
	// AccessPoints is the account's quota in the Region, which no call of S3 tells.
	AccessPoints int
	// Reserve is how many policies and access points are left to others.
	Reserve int
	Log     *slog.Logger
}

const (
	quotaInterval = 5 * time.Minute // a summary, and one page for every 1,000 access points
	quotaWarning  = 0.8             // of a quota: time enough to have it raised
	// apPolicySize is AWS's limit of an access point policy in bytes (facts AWS §1.3).
	apPolicySize = 20 << 10
)

// Quota is one limit of the account: how much of it is used.
type Quota struct {
	Name        string // "policies"
	Used, Limit int
	reserve     int
	// problem and fix are for the organization that finds no room.
	problem, fix string
}

// full returns why there is no room for another one, nil when there is.
func (q Quota) full() error {
	if q.Used < q.Limit-q.reserve {
		return nil
	}
	return &BeyondRepair{
		Problem: fmt.Sprintf("%s (%d of %d in use, %d kept free)", q.problem, q.Used, q.Limit, q.reserve),
		Fix:     q.fix,
	}
}

// Quotas knows how full the account is, so that new organizations are stopped with a
// clear reason before AWS refuses half of one. A nil *Quotas, or one that could not ask
// yet, stops nobody: AWS has the last word anyhow. It is safe for concurrent use.
type Quotas struct {
	cfg QuotaConfig

	mu     sync.Mutex
	quotas []Quota        // as last read, and what this process made since
	booked map[string]int // what it is about to make, by the quota's name
}

// NewQuotas returns Quotas that know nothing yet. It makes no request.
func NewQuotas(cfg QuotaConfig) *Quotas {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Quotas{cfg: cfg, booked: map[string]int{}}
}

// Run refreshes until ctx ends. When AWS does not answer, what was known stays.
func (q *Quotas) Run(ctx context.Context) error {
	for {
		if err := q.Refresh(ctx); err != nil && ctx.Err() == nil {
			q.cfg.Log.WarnContext(ctx, "quotas of the account cannot be read; new organizations are not held back", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Duration((0.9 + rand.Float64()/5) * float64(quotaInterval))):
		}
	}
}

// Refresh asks AWS, and warns of quotas that are nearly used up.
func (q *Quotas) Refresh(ctx context.Context) error {
	use, err := q.cfg.Account.PolicyUse(ctx)
	if err != nil {
		return err
	}
	points, err := q.cfg.Account.AccessPointsInUse(ctx)
	if err != nil {
		return err
	}
	fresh, err := q.read(use, points)
	if err != nil {
		return err
	}
	for _, quota := range fresh {
		if float64(quota.Used) >= quotaWarning*float64(quota.Limit) {
			q.cfg.Log.WarnContext(ctx, "a quota of the account is nearly used up", "quota", quota.Name,
				"used", quota.Used, "limit", quota.Limit, "fix", quota.fix)
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.quotas = fresh
	return nil
}

// The names of quotas.
const (
	policies     = "policies"
	versions     = "policy_versions"
	accessPoints = "access_points"
)

func (q *Quotas) read(use cloud.PolicyUse, points int) ([]Quota, error) {
	// Documents of all organizations have the same length: ids do, and so do role ids.
	tenant := q.cfg.Installation.Tenant(org.NewID())
	session, err := json.Marshal(tenant.SessionPolicy())
	if err != nil {
		return nil, err
	}
	point, err := json.Marshal(tenant.APPolicy("AROA12345678901234567"))
	if err != nil {
		return nil, err
	}
	reserve := q.cfg.Reserve
	const shorten = "shorten the installation's names, and tell the authors of managedcas"
	return []Quota{
		{policies, use.Policies, use.PoliciesQuota, reserve, noPolicyRoom, morePolicies},
		{versions, use.Versions, use.VersionsQuota, reserve, "the account has no room for another version of an IAM policy", "delete old versions of policies in the account"},
		{accessPoints, points, q.cfg.AccessPoints, reserve, noAccessPointRoom, moreAccessPoints + ", then raise backend.managedCas.quotas.accessPoints"},
		// A document may be as long as the limit: that is one more than a count may reach.
		{"session_policy_size", iam.NonWhitespaceLength(session), documentLimit(q.cfg.Installation, use), -1, "session policies are longer than AWS accepts", shorten},
		{"access_point_policy_size", len(point), apPolicySize, -1, "access point policies are longer than S3 accepts", shorten},
	}, nil
}

// Used returns the quotas as they are known, with what is about to be made; none before
// the first answer.
func (q *Quotas) Used() []Quota {
	if q == nil {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.used()
}

func (q *Quotas) used() []Quota {
	used := append([]Quota{}, q.quotas...)
	for i := range used {
		used[i].Used += q.booked[used[i].Name]
	}
	return used
}

// admit returns plan if there is room in used for what it creates. Otherwise it returns the
// steps that only restore what exists, and a *BeyondRepair: an organization that is stopped
// must not keep a policy that somebody widened, nor be left half made.
func admit(used []Quota, plan []Step) ([]Step, error) {
	var creates, createsPoint bool
	var reasons []error
	for _, step := range plan {
		names := needs(step)
		creates = creates || len(names) > 0
		if _, ok := step.(CreateAccessPoint); ok {
			createsPoint = true
		}
		for _, quota := range used {
			for _, name := range names {
				if quota.Name == name {
					reasons = append(reasons, quota.full())
				}
			}
		}
	}
	full := errors.Join(reasons...)
	if !creates || full == nil {
		return plan, nil
	}
	var repairs []Step
	for _, step := range plan {
		switch step.(type) {
		case ReplaceSessionPolicy, SaveSharedPolicy:
			repairs = append(repairs, step)
		case PutAccessPointPolicy:
			if !createsPoint {
				repairs = append(repairs, step)
			}
		}
	}
	return repairs, full
}

// needs names the quotas that a step needs room in.
func needs(step Step) []string {
	switch step.(type) {
	case CreateSessionPolicy:
		return []string{policies, versions, "session_policy_size"}
	case CreateAccessPoint:
		return []string{accessPoints, "access_point_policy_size"}
	}
	return nil
}

// done counts what a step has changed until the next Refresh.
func (q *Quotas) done(step Step) {
	if q == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.count(step)
}

func (q *Quotas) count(step Step) {
	changed := counts(step)
	for i := range q.quotas {
		q.quotas[i].Used += changed[q.quotas[i].Name]
	}
}

// counts is what a step changes in the quotas.
func counts(step Step) map[string]int {
	switch step.(type) {
	case CreateSessionPolicy:
		return map[string]int{policies: 1, versions: 1}
	case CreateAccessPoint:
		return map[string]int{accessPoints: 1}
	case DeleteSessionPolicy:
		return map[string]int{policies: -1, versions: -1}
	case DeleteAccessPoint:
		return map[string]int{accessPoints: -1}
	}
	return nil
}
