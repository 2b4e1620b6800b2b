package s3control

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/emulator/s3state"
	"github.com/managedcas/managedcas/internal/emulator/state"
	"github.com/managedcas/managedcas/internal/iam"
)

// load returns the access point of the account by name; found is false when there
// is none, and ap then has only what makes its ARN, which is what a caller without
// permission is told about.
func (s *Service) load(name string) (ap s3state.AccessPoint, found bool, err error) {
	ap = s3state.AccessPoint{Name: name, AccountID: s.cfg.AccountID, Region: s.cfg.Region}
	err = s.cfg.DB.View(func(tx state.Tx) error {
		stored, err := s3state.AccessPoints.Get(tx, s3state.AccessPointKey(s.cfg.AccountID, name))
		if err == nil {
			ap, found = stored, true
		}
		return ignoreNotFound(err)
	})
	return ap, found, err
}

// authorized loads an access point and authorizes action on it. A caller without
// the permission does not learn whether the access point exists.
func (s *Service) authorized(ctx context.Context, c *call, action, name string) (s3state.AccessPoint, error) {
	ap, found, err := s.load(name)
	if err != nil {
		return ap, err
	}
	check, err := accessPointCheck(action, ap, found, c.req.Caller)
	if err != nil {
		return ap, err
	}
	if err := s.authorize(ctx, c, check); err != nil {
		return ap, err
	}
	if !found {
		return ap, noSuchAccessPoint()
	}
	return ap, nil
}

// authorize asks the gate and notes the resource for the journal.
func (s *Service) authorize(ctx context.Context, c *call, checks ...gate.Check) error {
	c.req.Resource = checks[0].Resource
	return s.cfg.Gate.Authorize(ctx, c.req.Caller, checks...)
}

// accessPointCheck is the check of an action on an access point that exists or not.
//
// Whether AWS consults an access point's policy when the access point itself is
// managed is undocumented (facts AWS §13 P6). The answer here is never weaker than
// either possibility: its Denies apply and its Allows do not. As with bucket
// policies, the root user may always repair the policy, so that no policy is final.
func accessPointCheck(action string, ap s3state.AccessPoint, exists bool, caller *api.Caller) (gate.Check, error) {
	check := gate.Check{Action: action, Resource: ap.ARN(), Account: ap.AccountID, Context: iam.Context{}}
	check.Context.Set("s3:DataAccessPointArn", ap.ARN())
	check.Context.Set("s3:DataAccessPointAccount", ap.AccountID)
	check.Context.Set("s3:ResourceAccount", ap.AccountID)
	if unscoped(action) {
		check.Resource = "*"
	}
	if !exists {
		return check, nil
	}
	check.Context.Set("s3:AccessPointNetworkOrigin", ap.NetworkOrigin())
	for k, v := range ap.Tags {
		check.Context.Add("aws:ResourceTag/"+k, v)
		check.Context.Add("s3:AccessPointTag/"+k, v)
	}
	if len(ap.Policy) == 0 || caller.Kind == api.Root && repairs(action) {
		return check, nil
	}
	doc, err := iam.Parse(iam.KindAP, ap.Policy)
	if err != nil {
		return check, fmt.Errorf("reading the stored policy of access point %s: %w", ap.Name, err)
	}
	doc.Statements = slices.DeleteFunc(doc.Statements, func(st iam.Statement) bool { return st.Effect != iam.Deny })
	check.Policy = &iam.Policy{Name: "access point policy of " + ap.Name, Document: doc}
	return check, nil
}

// unscoped reports actions without a resource type: a policy grants them on "*" or
// not at all (facts AWS §1.3).
func unscoped(action string) bool {
	return action == "s3:GetAccessPoint" || action == "s3:ListAccessPoints"
}

func repairs(action string) bool {
	switch action {
	case "s3:GetAccessPointPolicy", "s3:PutAccessPointPolicy", "s3:DeleteAccessPointPolicy":
		return true
	}
	return false
}

// setRequestTags fills in the condition keys of tags that a request carries.
func setRequestTags(c iam.Context, tags map[string]string) {
	for k, v := range tags {
		c.Add("aws:RequestTag/"+k, v)
	}
	c.Set("aws:TagKeys", slices.Sorted(maps.Keys(tags))...)
}

func ignoreNotFound(err error) error {
	if errors.Is(err, state.ErrNotFound) {
		return nil
	}
	return err
}
