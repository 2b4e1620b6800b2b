package s3api

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/s3policy"
	"github.com/managedcas/managedcas/internal/emulator/s3state"
	"github.com/managedcas/managedcas/internal/emulator/state"
	"github.com/managedcas/managedcas/internal/iam"
)

// maxPolicy is the limit of a bucket policy in bytes
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/add-bucket-policy.html).
const maxPolicy = 20 << 10

// allowPolicy is allow for the actions on the policy itself. The root user of the
// owner's account may always repair it, whatever it says (facts AWS §3.5, row 25).
func (s *Service) allowPolicy(ctx context.Context, c *call, action string) error {
	checks := s.checks(c, action, nil)
	if c.req.Caller.Kind == api.Root && c.req.Caller.AccountID == c.target.bucket.AccountID {
		for i := range checks {
			checks[i].Policy = nil
		}
	}
	if err := s.permit(ctx, c, checks); err != nil {
		return err
	}
	return c.target.missing()
}

func (s *Service) putBucketPolicy(ctx context.Context, c *call) error {
	if err := s.allowPolicy(ctx, c, "s3:PutBucketPolicy"); err != nil {
		return err
	}
	text, err := c.readAll()
	if err != nil {
		return err
	}
	doc, err := parseBucketPolicy(text, c.target.bucketARN())
	if err != nil {
		return err
	}
	bound, err := s.cfg.Principals.Bind(doc)
	if err != nil {
		return err
	}
	stored, err := json.Marshal(bound)
	if err != nil {
		return fmt.Errorf("encode the policy: %w", err)
	}
	public, _ := iam.Public(iam.KindBucket, doc)
	err = s.changeBucket(c, func(tx state.Tx, b *s3state.Bucket) error {
		block, err := s3state.Effective(tx, *b)
		if err != nil {
			return err
		}
		if public && block.BlockPublicPolicy {
			return accessDenied("User: " + c.req.Caller.ARN + " is not authorized to perform: s3:PutBucketPolicy on resource: \"" +
				c.target.bucketARN() + "\" because public policies are blocked by the BlockPublicPolicy block public access setting.")
		}
		b.Policy = stored
		return nil
	})
	if err != nil {
		return err
	}
	return c.noContent()
}

// parseBucketPolicy reads a policy that is to stand on the bucket arn.
func parseBucketPolicy(text []byte, arn string) (*iam.Document, error) {
	if len(text) > maxPolicy {
		return nil, malformedPolicy("Policy exceeds the maximum allowed document size of %d bytes.", maxPolicy)
	}
	doc, err := iam.Parse(iam.KindBucket, text)
	if err != nil {
		return nil, malformedPolicy("%v", err)
	}
	if err := s3policy.CheckBucket(doc, arn); err != nil {
		return nil, err
	}
	return doc, nil
}

func (s *Service) getBucketPolicy(ctx context.Context, c *call) error {
	if err := s.allowPolicy(ctx, c, "s3:GetBucketPolicy"); err != nil {
		return err
	}
	doc, err := s.storedBucketPolicy(c)
	if err != nil {
		return err
	}
	text, err := json.Marshal(s.cfg.Principals.Unbind(doc))
	if err != nil {
		return fmt.Errorf("encode the policy: %w", err)
	}
	c.w.Header().Set("Content-Type", "application/json")
	_, err = c.w.Write(text)
	return err
}

func (s *Service) storedBucketPolicy(c *call) (*iam.Document, error) {
	b := c.target.bucket
	if len(b.Policy) == 0 {
		return nil, &api.Error{Status: http.StatusNotFound, Code: "NoSuchBucketPolicy",
			Message: "The bucket policy does not exist", Extra: [][2]string{{"BucketName", b.Name}}}
	}
	doc, err := iam.Parse(iam.KindBucket, b.Policy)
	if err != nil {
		return nil, fmt.Errorf("read the stored policy of bucket %s: %w", b.Name, err)
	}
	return doc, nil
}

func (s *Service) deleteBucketPolicy(ctx context.Context, c *call) error {
	if err := s.allowPolicy(ctx, c, "s3:DeleteBucketPolicy"); err != nil {
		return err
	}
	return s.reset(c, func(b *s3state.Bucket) { b.Policy = nil })
}

type policyStatus struct {
	XMLName  xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ PolicyStatus"`
	IsPublic bool
}

func (s *Service) getBucketPolicyStatus(ctx context.Context, c *call) error {
	if err := s.allow(ctx, c, "s3:GetBucketPolicyStatus"); err != nil {
		return err
	}
	doc, err := s.storedBucketPolicy(c)
	if err != nil {
		return err
	}
	public, _ := iam.Public(iam.KindBucket, doc)
	return writeXML(c.w, http.StatusOK, policyStatus{IsPublic: public})
}
