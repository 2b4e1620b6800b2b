package doctor

import (
	"context"
	"fmt"

	"github.com/managedcas/managedcas/internal/reconcile"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// nearly is when a quota is worth a warning: time enough to have it raised.
const nearly = 0.8

// quotaNames are the codes and texts of the quotas that package reconcile watches.
var quotaNames = map[string]struct{ code, what, consequence, fix string }{
	"policies": {"quota-policies", "customer-managed policies in the account", "no organization can be made",
		"request a higher quota, or choose backend.managedCas.sessionPolicyMode inline or abac"},
	"policy_versions": {"quota-policy-versions", "versions of policies in the account", "no session policy can be made or repaired",
		"delete old versions of policies in the account"},
	"access_points": {"quota-access-points", "S3 access points of the account in the Region", "no organization can be made",
		"request a higher quota, then raise backend.managedCas.quotas.accessPoints"},
	"session_policy_size": {"quota-session-policy-size", "characters of a session policy", "no organization can be made",
		"shorten the names of the installation"},
	"access_point_policy_size": {"quota-access-point-policy-size", "bytes of the policy of an access point", "no organization can be made",
		"shorten the names of the installation"},
}

// quotas looks at how full the account is, by the rules that hold new organizations back.
func quotas(o Observation) ([]Finding, error) {
	q := reconcile.NewQuotas(reconcile.QuotaConfig{
		Installation: o.Installation, Account: seenAccount{o.accountSeen},
		AccessPoints: o.Limits.AccessPoints, Reserve: o.Limits.Reserve,
	})
	if err := q.Refresh(context.Background()); err != nil { // it asks what was seen, and nobody else
		return nil, err
	}
	var found []Finding
	for _, quota := range q.Used() {
		if quota.Name == "policies" && o.Installation.SessionPolicyMode != tenancy.Managed {
			continue // organizations have none
		}
		reserve := o.Limits.Reserve
		if quota.Name == "session_policy_size" || quota.Name == "access_point_policy_size" {
			reserve = -1 // a document may be as long as the limit
		}
		if f, ok := quotaFinding(quota, reserve); ok {
			found = append(found, f)
		}
	}
	return found, nil
}

func quotaFinding(q reconcile.Quota, reserve int) (Finding, bool) {
	text := quotaNames[q.Name]
	f := Finding{
		Code: text.code + "-full", Status: Failed,
		What:        fmt.Sprintf("no room is left: %d of %d %s are used", q.Used, q.Limit, text.what),
		Evidence:    fmt.Sprintf("%d used, %d allowed, %d kept for others", q.Used, q.Limit, max(reserve, 0)),
		Consequence: text.consequence,
		Fix:         Fix{Text: text.fix, Commands: quotaCommands(q)},
	}
	switch {
	case q.Used >= q.Limit-reserve:
	case float64(q.Used) >= nearly*float64(q.Limit):
		f.Code, f.Status = text.code+"-near", Warning
		f.What = fmt.Sprintf("%d of %d %s are used", q.Used, q.Limit, text.what)
		f.Consequence = "when they are all used, " + text.consequence
	default:
		return Finding{}, false
	}
	return f, true
}

// quotaCommands ask for twice as much. Nothing comes of asking again while that is open.
func quotaCommands(q reconcile.Quota) []string {
	const ask = "aws service-quotas request-service-quota-increase --service-code "
	switch q.Name {
	case "policies": // IAM is global, and its quotas are in us-east-1
		return []string{fmt.Sprintf("%siam --quota-code L-E95E4862 --desired-value %d --region us-east-1", ask, 2*q.Limit)}
	case "access_points":
		return []string{fmt.Sprintf("%ss3 --quota-code L-FAABEEBA --desired-value %d", ask, 2*q.Limit)}
	}
	return nil
}
