package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/tenancy"
)

const (
	// cleanTimeout bounds the end of a canary, which an interrupt does not shorten.
	cleanTimeout = 30 * time.Second
	// abandoned is how old a canary is that no doctor uses any more.
	abandoned = 15 * time.Minute
)

// clean takes away what the canary has made.
func (c *canary) clean(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTimeout)
	defer cancel()
	r := Result{Check: "canary/clean", Title: "what the canary has made is gone", Status: OK}
	c.begin(r.Title)
	detail, err := c.remove(ctx, c.tenant)
	r.Detail = detail
	switch {
	case err == nil:
	case c.known("canary-left-behind"):
		r.Status, r.Detail = Unseen, "for a reason above: "+err.Error()
	default:
		r.Status = Warning
		r.Findings = []Finding{left(c.in, c.tenant, err)}
	}
	c.results = append(c.results, r)
}

// remove takes away what a canary has, which may be nothing.
func (c *canary) remove(ctx context.Context, t tenancy.Tenant) (detail string, err error) {
	var errs []error
	if !c.noAccessPoint {
		errs = append(errs, c.cfg.AWS.DeleteAccessPoint(ctx, t.APName()))
	}
	if c.in.SessionPolicyMode == tenancy.Managed && !c.noPolicy {
		errs = append(errs, c.cfg.AWS.DeletePolicy(ctx, t.SessionPolicyARN()))
	}
	if !c.in.Purges() || c.cfg.Storage == nil {
		if c.stored() {
			detail = fmt.Sprintf("but for one object of %d bytes under %s, which nobody may delete: a lifecycle rule for the prefix %s does, docs/doctor.md",
				len(t.Canary()), t.KeyPrefix(), org.CanaryPrefix)
		}
		return detail, errors.Join(errs...)
	}
	objects := c.cfg.Storage.Purge(c.in, t)
	versions, err := objects.Versions(ctx)
	if err == nil && len(versions) > 0 {
		_, err = objects.Delete(ctx, versions)
	}
	return "", errors.Join(append(errs, err)...)
}

// stored reports whether the canary has got as far as to store something.
func (c *canary) stored() bool {
	for _, r := range c.results {
		if r.Check == "canary/put" {
			return r.Status == OK
		}
	}
	return false
}

// left is what the canary could not take away.
func left(in tenancy.Installation, t tenancy.Tenant, err error) Finding {
	return Finding{
		Code: "canary-left-behind", Status: Warning,
		What:        "what the canary has made could not be taken away",
		Evidence:    err.Error(),
		Consequence: "an access point and a policy of no organization count against the quotas, until the next doctor takes them away",
		Fix: Fix{Text: "delete them", Commands: []string{
			"aws s3control delete-access-point --account-id " + in.AccountID + " --name " + t.APName(),
			"aws iam delete-policy --policy-arn " + t.SessionPolicyARN(),
		}},
	}
}

// tidy takes away what doctors that were killed have left. What it cannot see or delete is
// the reconciler's, for which it is an orphan.
func (c *canary) tidy(ctx context.Context) {
	old := map[org.ID]bool{}
	note := func(t tenancy.Tenant, ours bool) {
		if !ours {
			return
		}
		if made, is := t.ID().Canary(); is && time.Since(made) > abandoned {
			old[t.ID()] = true
		}
	}
	for ap, err := range c.cfg.AWS.AccessPoints(ctx, c.in.BucketName, c.in.APPrefix) {
		if err != nil {
			break
		}
		note(c.in.TenantOfAP(ap.Name))
	}
	for policy, err := range c.cfg.AWS.Policies(ctx, c.in.SessionPolicyPrefix) {
		if err != nil {
			break
		}
		note(c.in.TenantOfSessionPolicy(policy.Name))
	}
	for id := range old {
		_, _ = c.remove(ctx, c.in.Tenant(id))
	}
}

// unreachableBucket reports whether S3 does not know the access point or its bucket, which
// the data path takes for a passing trouble.
func unreachableBucket(err error) bool {
	return errors.Is(err, cloud.ErrUnavailable) && strings.Contains(err.Error(), "NoSuch")
}
