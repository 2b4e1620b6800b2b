package s3api

import (
	"context"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/s3state"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

func (s *Service) deleteObject(ctx context.Context, c *call) error {
	for name := range c.r.Header {
		if strings.HasPrefix(name, "X-Amz-If-Match-") {
			return notImplemented(c.op.name + " with " + strings.ToLower(name))
		}
	}
	if err := s.allowObject(ctx, c, "s3:DeleteObject", c.target.key, headerKeys(c.r)); err != nil {
		return err
	}
	condition := createCondition{mustBe: strings.Trim(c.r.Header.Get("If-Match"), `"`)}
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
