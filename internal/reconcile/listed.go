package reconcile

import (
	"context"
	"iter"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// Listings are what AWS shows of everything at once, 1,000 a page.
type Listings interface {
	// AccessPoints shows those of one bucket whose names begin with prefix.
	AccessPoints(ctx context.Context, bucket, prefix string) iter.Seq2[cloud.AccessPoint, error]
	// Policies shows the customer-managed ones whose names begin with prefix.
	Policies(ctx context.Context, prefix string) iter.Seq2[cloud.Policy, error]
}

// listed is what listings show of one organization. An access point of another bucket is
// in none: for them the organization has none.
type listed struct {
	registry.Seen
	point, policy bool
	superseded    bool // the policy is of a mode that nobody is in any more
	origin        string
}

// listAll reads both listings. It is two calls for every 1,000 organizations.
func (r *Reconciler) listAll(ctx context.Context) (map[org.ID]listed, error) {
	in := r.cfg.Installation
	return gather(in, r.cfg.Listings.AccessPoints(ctx, in.BucketName, in.APPrefix), r.cfg.Listings.Policies(ctx, in.SessionPolicyPrefix))
}

// gather sorts listings by organization. Other people's names, and other installations',
// are left out.
func gather(in tenancy.Installation, points iter.Seq2[cloud.AccessPoint, error], policies iter.Seq2[cloud.Policy, error]) (map[org.ID]listed, error) {
	all := map[org.ID]listed{}
	for p, err := range policies {
		if err != nil {
			return nil, err
		}
		if t, ours := in.TenantOfSessionPolicy(p.Name); ours && p.ARN == t.SessionPolicyARN() { // not at another path
			all[t.ID()] = listed{Seen: seenOf(p), policy: true}
		}
	}
	for ap, err := range points {
		if err != nil {
			return nil, err
		}
		if t, ours := in.TenantOfAP(ap.Name); ours && ap.Bucket == in.BucketName {
			l := all[t.ID()]
			l.point, l.Alias, l.origin = true, ap.Alias, ap.NetworkOrigin
			all[t.ID()] = l
		}
	}
	return all, nil
}

func seenOf(p cloud.Policy) registry.Seen {
	return registry.Seen{PolicyID: p.ID, PolicyVersion: p.DefaultVersion, PolicyUpdated: p.Updated.Unix()}
}

// listed returns what listings would show of what was read.
func (o Observed) listed(scheme string) registry.Seen {
	var seen registry.Seen
	if o.SessionPolicy != nil {
		seen = seenOf(o.policy)
	}
	if o.AccessPoint != nil {
		seen.Alias = o.AccessPoint.Alias
	}
	seen.Scheme = scheme
	return seen
}

// unchanged reports whether listings show an organization as the last deep look left it,
// with what is wanted being the same.
func (l listed) unchanged(remembered registry.Seen, scheme string) bool {
	l.Scheme = scheme
	return l.point && !l.superseded && l.origin == originInternet && l.Seen == remembered
}

// compare takes a page of organizations out of what is listed. It returns those that a
// deep look is due for, and the others.
func compare(page []org.Organization, all map[org.ID]listed, remembered map[org.ID]registry.Seen, scheme string) (due, same []org.ID) {
	for _, o := range page {
		if o.State == org.Ready && all[o.ID].unchanged(remembered[o.ID], scheme) {
			same = append(same, o.ID)
		} else {
			due = append(due, o.ID)
		}
		delete(all, o.ID)
	}
	return due, same
}
