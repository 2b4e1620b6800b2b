package s3control

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/s3policy"
	"github.com/managedcas/managedcas/internal/emulator/s3state"
	"github.com/managedcas/managedcas/internal/emulator/state"
	"github.com/managedcas/managedcas/internal/iam"
)

// maxPolicy is the limit of an access point policy in bytes. AWS counts after
// normalizing; counting the text as sent is the stricter reading (facts AWS §1.3).
const maxPolicy = 20 << 10

func (s *Service) putPolicy(ctx context.Context, c *call) (any, error) {
	var in putPolicyRequest
	if err := decode(c.body, "PutAccessPointPolicyRequest", &in); err != nil {
		return nil, err
	}
	if err := in.Unknown.refuse("PutAccessPointPolicy"); err != nil {
		return nil, err
	}
	ap, err := s.authorized(ctx, c, "s3:PutAccessPointPolicy", c.param)
	if err != nil {
		return nil, err
	}
	doc, err := parsePolicy(in.Policy, ap.ARN())
	if err != nil {
		return nil, err
	}
	bound, err := s.cfg.Principals.Bind(doc)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(bound)
	if err != nil {
		return nil, fmt.Errorf("encoding the policy: %w", err)
	}
	public, _ := iam.Public(iam.KindAP, doc)
	return nil, s.change(c.param, func(tx state.Tx, key string, ap s3state.AccessPoint) error {
		// An access point in a VPC is never public (facts AWS §1.3).
		if public && ap.VpcID == "" {
			if err := refusePublic(tx, ap, c.req.Caller); err != nil {
				return err
			}
		}
		ap.Policy = raw
		return s3state.AccessPoints.Put(tx, key, ap)
	})
}

// parsePolicy reads a policy that is to stand on the access point arn.
func parsePolicy(text, arn string) (*iam.Document, error) {
	if len(text) > maxPolicy {
		return nil, malformedPolicy("Policy exceeds the maximum allowed document size of %d bytes.", maxPolicy)
	}
	doc, err := iam.Parse(iam.KindAP, []byte(text))
	if err != nil {
		return nil, malformedPolicy("%v", err)
	}
	if err := s3policy.CheckAccessPoint(doc, arn); err != nil {
		return nil, err
	}
	return doc, nil
}

// refusePublic denies a public policy when BlockPublicPolicy is on for the account,
// the bucket or the access point (facts AWS §2.5).
func refusePublic(tx state.Tx, ap s3state.AccessPoint, caller *api.Caller) error {
	bucket, err := s3state.Buckets.Get(tx, ap.Bucket)
	if err != nil {
		return fmt.Errorf("reading the bucket of access point %s: %w", ap.Name, err)
	}
	block, err := s3state.Effective(tx, bucket)
	if err != nil {
		return err
	}
	if !block.Union(ap.PublicAccessBlock).BlockPublicPolicy {
		return nil
	}
	return api.Errorf(http.StatusForbidden, "AccessDenied",
		"User: %s is not authorized to perform: s3:PutAccessPointPolicy on resource: %q because public policies are blocked by the BlockPublicPolicy block public access setting.", caller.ARN, ap.ARN())
}

func (s *Service) getPolicy(ctx context.Context, c *call) (any, error) {
	_, doc, err := s.storedPolicy(ctx, c, "s3:GetAccessPointPolicy")
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("encoding the policy: %w", err)
	}
	return getPolicyResult{Policy: string(text)}, nil
}

func (s *Service) getPolicyStatus(ctx context.Context, c *call) (any, error) {
	ap, doc, err := s.storedPolicy(ctx, c, "s3:GetAccessPointPolicyStatus")
	if err != nil {
		return nil, err
	}
	public, _ := iam.Public(iam.KindAP, doc)
	return getPolicyStatusResult{IsPublic: public && ap.VpcID == ""}, nil
}

// storedPolicy returns an access point and its policy as its owner reads it.
func (s *Service) storedPolicy(ctx context.Context, c *call, action string) (s3state.AccessPoint, *iam.Document, error) {
	ap, err := s.authorized(ctx, c, action, c.param)
	if err != nil {
		return ap, nil, err
	}
	if len(ap.Policy) == 0 {
		return ap, nil, noSuchPolicy()
	}
	doc, err := iam.Parse(iam.KindAP, ap.Policy)
	if err != nil {
		return ap, nil, fmt.Errorf("reading the stored policy of access point %s: %w", ap.Name, err)
	}
	return ap, s.cfg.Principals.Unbind(doc), nil
}

func (s *Service) deletePolicy(ctx context.Context, c *call) (any, error) {
	if _, err := s.authorized(ctx, c, "s3:DeleteAccessPointPolicy", c.param); err != nil {
		return nil, err
	}
	return nil, s.change(c.param, func(tx state.Tx, key string, ap s3state.AccessPoint) error {
		ap.Policy = nil
		return s3state.AccessPoints.Put(tx, key, ap)
	})
}
