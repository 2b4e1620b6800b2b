package s3api

import (
	"context"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/emulator/s3state"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// deleteCondition reads If-Match, or what takes its place in DeleteObjects.
func deleteCondition(match string) createCondition {
	return createCondition{mustBe: demanded(match)}
}

// deleteChecks are the contexts of a deletion. To compare with an ETag takes the
// permission to read the object:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-delete-enforce.html.
func (s *Service) deleteChecks(c *call, key string, condition createCondition, add ...keysOf) []gate.Check {
	checks := s.checks(c, "s3:DeleteObject", &key, add...)
	if condition.mustBe != "" && condition.mustBe != "*" {
		checks = append(checks, s.checks(c, "s3:GetObject", &key, add...)...)
	}
	return checks
}

func (s *Service) deleteObject(ctx context.Context, c *call) error {
	for name := range c.r.Header {
		if strings.HasPrefix(name, "X-Amz-If-Match-") {
			return notImplemented(c.op.name + " with " + strings.ToLower(name))
		}
	}
	condition := deleteCondition(c.r.Header.Get("If-Match"))
	if err := s.permit(ctx, c, s.deleteChecks(c, c.target.key, condition, headerKeys(c.r))); err != nil {
		return err
	}
	if err := c.target.missing(); err != nil {
		return err
	}
	if condition.mustBe != "" && c.versionID() != "" {
		return notImplemented(c.op.name + " with If-Match and versionId")
	}
	var done deletion
	err := s.cfg.DB.Update(func(tx state.Tx) error {
		bucket, err := s3state.Buckets.Get(tx, c.target.bucket.Name)
		if err != nil {
			return known(err, noSuchBucket(c.target.bucket.Name))
		}
		versions := stackAt(tx, c)
		there, err := versions.current()
		if err != nil {
			return err
		}
		if err := condition.check(c.target.key, there); err != nil {
			return err
		}
		done, err = versions.delete(bucket.Versioning, c.versionID())
		return err
	})
	if err != nil {
		return err
	}
	s.discard(done.gone)
	if done.Marker {
		c.w.Header().Set(headerMarker, "true")
	}
	if done.Marker || done.named {
		c.w.Header().Set(headerVersionID, done.id())
	}
	return c.noContent()
}
