package iamapi

import (
	"context"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/awsquery"
	"github.com/managedcas/managedcas/internal/emulator/directory"
)

type listPoliciesResult struct {
	Policies awsquery.List[policyXML]
	pageEnd
}

// Keys of a list of both scopes: the account's own policies first, then AWS's.
const (
	localFirst = "1/"
	awsSecond  = "2/"
)

// listPolicies has no filter by name: that is why installations use a path.
// OnlyAttached hides policies that are only passed to sessions (facts AWS §5).
func (s *Service) listPolicies(ctx context.Context, c *call) (any, error) {
	scope := c.Choice("Scope", "All", "AWS", "Local")
	onlyAttached := c.Bool("OnlyAttached")
	prefix, pg := c.policyPathPrefix(), readPage(c)
	if err := c.Err(); err != nil {
		return nil, err
	}
	if c.Has("PolicyUsageFilter") {
		return nil, api.NotImplemented("iam", "ListPolicies with PolicyUsageFilter")
	}
	if err := s.authorize(ctx, c, anything); err != nil {
		return nil, err
	}
	list := collector[policyXML]{page: pg}
	err := s.dir.View(func(tx directory.Tx) error {
		offer := func(key string, p directory.Policy) (bool, error) {
			if !strings.HasPrefix(p.Path, prefix) {
				return true, nil
			}
			view, err := describePolicy(tx, p)
			if err != nil || onlyAttached && view.AttachmentCount == 0 {
				return true, err
			}
			// The API reference leaves these out of listings.
			view.Tags, view.Description = nil, ""
			return list.add(key, view), nil
		}
		if scope != "AWS" {
			after, local := strings.CutPrefix(pg.after, localFirst)
			if pg.after == "" || local {
				err := directory.Policies.Scan(tx, after, func(name string, p directory.Policy) (bool, error) {
					return offer(localFirst+name, p)
				})
				if err != nil || list.more {
					return err
				}
			}
		}
		if scope == "Local" {
			return nil
		}
		for _, p := range directory.AWSManagedPolicies() {
			if more, err := offer(awsSecond+p.Name, p); err != nil || !more {
				return err
			}
		}
		return nil
	})
	return listPoliciesResult{awsquery.Of(list.items), list.end()}, err
}

func (c *call) policyPathPrefix() string {
	return c.Text("PathPrefix", awsquery.Limits{Min: 1, Max: 512, Match: isPolicyPath, Pattern: `((/[A-Za-z0-9\.,\+@=_-]+)*)/`})
}
