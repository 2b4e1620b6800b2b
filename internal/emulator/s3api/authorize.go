package s3api

import (
	"context"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/iam"
)

// keysOf adds the condition keys of one action to a context.
type keysOf func(iam.Context)

// allow authorizes action on the bucket of the call and reports whether the bucket
// exists only to those who may know.
func (s *Service) allow(ctx context.Context, c *call, action string, add ...keysOf) error {
	if err := s.permit(ctx, c, s.checks(c, action, nil, add...)); err != nil {
		return err
	}
	return c.target.missing()
}

// allowObject is allow for an action on an object.
func (s *Service) allowObject(ctx context.Context, c *call, action, key string, add ...keysOf) error {
	if err := s.permit(ctx, c, s.checks(c, action, &key, add...)); err != nil {
		return err
	}
	return c.target.missing()
}

// permit asks the gate. What AWS refuses whatever the policies say is refused here.
func (s *Service) permit(ctx context.Context, c *call, checks []gate.Check) error {
	if c.req.Resource == "" {
		c.req.Resource = checks[0].Resource
	}
	if err := s.cfg.Gate.Authorize(ctx, c.req.Caller, checks...); err != nil {
		return err
	}
	if via := c.target.via; via != nil {
		if c.req.Caller.Kind == api.Anonymous {
			return accessDenied("Access Denied") // access points serve no anonymous requests (facts AWS §1.1)
		}
		if via.VpcID != "" {
			// There are no VPCs here, so no request comes from one (facts AWS §1.3).
			return accessDenied("Access Denied")
		}
	}
	if err := c.checkOwner(); err != nil {
		return err
	}
	return nil
}

// checks are the contexts in which action must be allowed, each with its own form
// of the resource's ARN: the access point's, if the request goes through one, and
// the bucket's (facts AWS §2.3). A nil key stands for the bucket itself.
func (s *Service) checks(c *call, action string, key *string, add ...keysOf) []gate.Check {
	t := c.target
	if key != nil && c.query.Has("versionId") {
		action = onVersion(action)
		add = append(slices.Clip(add), func(keys iam.Context) { keys.Set("s3:VersionId", c.query["versionId"]...) })
	}
	bucket := gate.Check{Action: action, Resource: t.bucketARN(), Account: t.bucket.AccountID}
	if key != nil {
		bucket.Resource = t.objectARN(*key)
	}
	bucket.Policy = s.policies.bucket(t, c.req.Caller)
	bucket.Context = contextKeys(t, action, add)
	if t.via == nil {
		return []gate.Check{bucket}
	}
	ap := gate.Check{Action: action, Resource: t.via.ARN(), Account: t.via.AccountID}
	if key != nil {
		ap.Resource += "/object/" + *key
	}
	ap.Policy = s.policies.accessPoint(t, c.req.Caller)
	ap.Context = contextKeys(t, action, add)
	for k, v := range t.via.Tags {
		ap.Context.Add("aws:ResourceTag/"+k, v)
		ap.Context.Add("s3:AccessPointTag/"+k, v)
	}
	if !t.viaExists {
		return []gate.Check{ap} // it leads to no bucket
	}
	return []gate.Check{ap, bucket}
}

// onVersion returns the action that takes the place of action when a request names a
// version, though it be the only one ("null"):
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html.
func onVersion(action string) string {
	switch action {
	case "s3:GetObject", "s3:DeleteObject":
		return action + "Version"
	case "s3:GetObjectAttributes":
		return "s3:GetObjectVersionAttributes"
	case "s3:GetObjectTagging", "s3:PutObjectTagging", "s3:DeleteObjectTagging":
		return strings.Replace(action, "Tagging", "VersionTagging", 1)
	case "s3:GetObjectAcl", "s3:PutObjectAcl":
		return strings.Replace(action, "Acl", "VersionAcl", 1)
	}
	return action
}

func contextKeys(t target, action string, add []keysOf) iam.Context {
	keys := iam.Context{}
	keys.Set("s3:ResourceAccount", t.bucket.AccountID)
	if ap := t.via; ap != nil {
		keys.Set("s3:DataAccessPointArn", ap.ARN())
		keys.Set("s3:DataAccessPointAccount", ap.AccountID)
		keys.Set("s3:AccessPointNetworkOrigin", ap.NetworkOrigin())
	}
	for _, f := range add {
		f(keys)
	}
	dropForeign(action, keys)
	return keys
}

// listing sets the keys of the actions that list objects and versions; that which lists
// uploads has none of them (service authorization reference, as for requestHeaders). A
// parameter that is not sent has no key; one that is sent empty has an empty one.
func (c *call) listing() keysOf {
	return func(keys iam.Context) {
		for _, p := range [...]struct{ parameter, key string }{
			{"prefix", "s3:prefix"}, {"delimiter", "s3:delimiter"}, {"max-keys", "s3:max-keys"},
		} {
			if values, sent := c.query[p.parameter]; sent {
				keys.Set(p.key, slices.Clone(values)...)
			}
		}
	}
}
