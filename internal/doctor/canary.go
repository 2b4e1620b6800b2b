package doctor

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/org"
	orgprobe "github.com/managedcas/managedcas/internal/probe"
	"github.com/managedcas/managedcas/internal/purge"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// A canary does what an organization does, as an organization of nobody that exists for a
// moment (org.NewCanaryID). What it makes in AWS has the names that an organization's would
// have, and is taken away again, also when the doctor is interrupted; what a killed doctor
// left is taken away by the next.

// AWS is what a canary does as the workload that the doctor is.
type AWS interface {
	session.STS
	Role(ctx context.Context, name string) (cloud.Role, error)
	CreateAccessPoint(ctx context.Context, name, bucket string) (cloud.AccessPoint, error)
	PutAccessPointPolicy(ctx context.Context, name string, policy *iam.Document) error
	DeleteAccessPoint(ctx context.Context, name string) error
	AccessPoints(ctx context.Context, bucket, prefix string) iter.Seq2[cloud.AccessPoint, error]
	CreatePolicy(ctx context.Context, name, description string, policy *iam.Document) (cloud.Policy, error)
	Policy(ctx context.Context, arn string) (cloud.Policy, []byte, error)
	DeletePolicy(ctx context.Context, arn string) error
	Policies(ctx context.Context, prefix string) iter.Seq2[cloud.Policy, error]
}

// Reach is what a canary's session tries in S3.
type Reach interface {
	orgprobe.Reach
	// Head returns the ARN of the KMS key that an object is encrypted with.
	Head(ctx context.Context, bucket, key string) (kmsKeyARN string, err error)
}

// CanaryConfig is what a canary needs. Storage, Sessions and Neighbours may be nil.
type CanaryConfig struct {
	AWS  AWS
	Open func(session.Session) Reach
	// Storage deletes what the canary has stored, where the installation has a purge role.
	Storage purge.Storage
	// Sessions are those of the data path, and Neighbours names an organization that is in
	// use, to look at its storage; nil: that is not tried.
	Sessions   orgprobe.Sessions
	Neighbours orgprobe.Neighbours
	// Patience is how long a change may take to arrive everywhere in AWS.
	Patience time.Duration
	// Progress is told what begins; nil: nobody is.
	Progress func(what string)
}

// DefaultPatience is how long a change in IAM or S3 usually takes at most (facts AWS §5).
const DefaultPatience = time.Minute

// Canary tries the installation as a workload and returns what came of it. What the report
// names already is not named again.
func (d *Doctor) Canary(ctx context.Context, as Workload, seen Report, cfg CanaryConfig) []Result {
	if as == Administrator {
		return []Result{{
			Check: "canary", Title: "an organization can use its storage, and nobody else's", Status: Unseen,
			Detail: "only a workload can try: run it in the pod, kubectl exec deploy/managedcas-backend -- managedcasd doctor --config /etc/managedcas/config/managedcas.yaml --as backend",
		}}
	}
	if silent(seen) {
		return []Result{{
			Check: "canary", Title: "an organization can use its storage, and nobody else's", Status: Unseen,
			Detail: "not tried: AWS does not answer this process, for the reason above",
		}}
	}
	r := &canary{in: d.cfg.Installation, cfg: cfg, seen: seen, tenant: d.cfg.Installation.Tenant(org.NewCanaryID(time.Now()))}
	if as == Backend {
		r.asBackend(ctx)
	} else {
		r.asDataPath(ctx)
	}
	return r.results
}

// silent reports whether AWS has answered nothing so far, and nothing would come of trying.
func silent(seen Report) bool {
	return slices.ContainsFunc(seen.Findings(), func(f Finding) bool {
		return f.Code == "caller-no-credentials" || f.Code == "caller-refused" || strings.HasPrefix(f.Code, "endpoint-")
	})
}

// canary is one run.
type canary struct {
	in       tenancy.Installation
	cfg      CanaryConfig
	seen     Report
	tenant   tenancy.Tenant
	results  []Result
	warnings []Finding // about the step that is being done
	untried  string    // why later steps are not tried; empty: they are
	useless  bool      // the session has no policy of ours
	reach    Reach

	noAccessPoint, noPolicy bool // AWS has refused to make it, so it is not there
}

// settlePause is the time between two tries of something that may still be on its way.
const settlePause = 500 * time.Millisecond

// need does a step that later ones need. It is tried again as long as AWS may not know
// everywhere what an earlier one has changed.
func (c *canary) need(ctx context.Context, name, title string, do func(ctx context.Context) (detail string, err error)) {
	r := Result{Check: "canary/" + name, Title: title, Status: OK}
	if c.untried != "" {
		r.Status, r.Detail = Unseen, c.untried
		c.results = append(c.results, r)
		return
	}
	c.begin(title)
	detail, err := c.settled(ctx, do)
	switch {
	case err == nil:
		r.Detail, r.Findings, c.warnings = detail, c.warnings, nil
		if len(r.Findings) > 0 {
			r.Status = Warning
		}
	case ctx.Err() != nil || cloud.Transient(err) && !unreachableBucket(err):
		r.Status, r.Detail, c.untried = Unseen, err.Error(), untried(title)
	default:
		r.Status, c.untried = Failed, untried(title)
		if finding := causeOf(c.in, err); c.known(finding.Code) {
			r.Detail = "for the reason above: " + finding.Code
		} else {
			r.Findings = []Finding{finding}
		}
	}
	c.results = append(c.results, r)
}

func untried(title string) string { return "not tried: it is not so that " + title }

func (c *canary) begin(what string) {
	if c.cfg.Progress != nil {
		c.cfg.Progress("trying whether " + what)
	}
}

func (c *canary) settled(ctx context.Context, do func(ctx context.Context) (string, error)) (string, error) {
	for deadline := time.Now().Add(c.cfg.Patience); ; {
		detail, err := do(ctx)
		if err == nil || ctx.Err() != nil || c.stays(err) || time.Now().After(deadline) {
			return detail, err
		}
		select {
		case <-ctx.Done():
			return "", err
		case <-time.After(settlePause):
		}
	}
}

// stays reports whether waiting would not help: it is not about a change on its way.
func (c *canary) stays(err error) bool {
	return errors.Is(err, cloud.ErrLimit) || errors.As(err, new(*otherKey)) || c.known(causeOf(c.in, err).Code)
}

// closed tries what must be denied. One success is one too many.
func (c *canary) closed(ctx context.Context, name, title string, attempts ...func(ctx context.Context) error) {
	r := Result{Check: "canary/" + name, Title: title, Status: OK}
	if c.reach == nil {
		r.Status, r.Detail = Unseen, "not tried: there is no session"
		c.results = append(c.results, r)
		return
	}
	c.begin(title)
	for _, attempt := range attempts {
		switch err := attempt(ctx); {
		case errors.Is(err, cloud.ErrDenied):
		case err == nil, errors.Is(err, cloud.ErrNotFound): // S3 looked for it, which takes leave to read it
			r.Status, r.Findings = Failed, append(r.Findings, letIn(c.in, title))
		case r.Status == OK:
			r.Status, r.Detail = Unseen, err.Error()
		}
	}
	c.results = append(c.results, r)
}

// letIn is the worst that a canary can find.
func letIn(in tenancy.Installation, title string) Finding {
	return Finding{
		Code: "isolation-broken", Status: Failed,
		What:        "a session of one organization was let in where it must be denied",
		Evidence:    "not denied: " + title,
		Consequence: "organizations can read what is another's",
		Fix:         putBucketPolicy(in),
	}
}

// session mints one of the canary's organization.
func (c *canary) session(ctx context.Context, policy tenancy.PassedPolicy) (detail string, err error) {
	credentials, err := c.cfg.AWS.AssumeRole(ctx, session.Request{
		RoleARN: c.in.BaseRoleARN(), SessionName: c.tenant.SessionName(), Policy: policy,
		Tags: c.tenant.SessionTags(), Lifetime: shortest,
	})
	if err != nil {
		return "", err
	}
	c.reach = c.cfg.Open(session.Session{Tenant: c.tenant, Credentials: credentials})
	c.warnings = nil
	if f, near := packedFinding(c.in, credentials.Packed); near {
		c.warnings = []Finding{f}
	}
	return fmt.Sprintf("its policy and tags take %d%% of their space", credentials.Packed), nil
}

// shortest is the shortest session that STS makes (facts AWS §4.1).
const shortest = 15 * time.Minute
