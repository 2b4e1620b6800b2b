package s3api

import (
	"context"
	"net/http"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/s3state"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// allowWrite authorizes everything that a request to write an object asks for.
func (s *Service) allowWrite(ctx context.Context, c *call, creates bool) error {
	key := c.target.key
	add := writing(c.r, creates)
	tags, tagErr := headerTags(c.r)
	if len(tags) > 0 {
		add = append(add, requestObjectTags(tags))
	}
	checks := s.checks(c, "s3:PutObject", &key, add...)
	more := func(needed bool, action string) {
		if needed {
			checks = append(checks, s.checks(c, action, &key, add...)...)
		}
	}
	more(c.r.Header.Get("X-Amz-Tagging") != "", "s3:PutObjectTagging")
	more(c.r.Header.Get("X-Amz-Acl") != "" || hasGrants(c.r), "s3:PutObjectAcl")
	more(c.r.Header.Get("If-Match") != "" && creates, "s3:GetObject") // it tells about the object that is there
	if err := s.permit(ctx, c, checks); err != nil {
		return err
	}
	if err := c.target.missing(); err != nil {
		return err
	}
	return tagErr
}

func (s *Service) putObject(ctx context.Context, c *call) error {
	if err := s.allowWrite(ctx, c, true); err != nil {
		return err
	}
	d, err := c.describe()
	if err != nil {
		return err
	}
	condition, err := c.createCondition()
	if err != nil {
		return err
	}
	// This spares the client the upload when the outcome is clear. What counts is the
	// same check when the object is recorded.
	if err := s.checkCondition(c, condition); err != nil {
		return err
	}
	dataKey, err := s.newDataKey(ctx, c, c.target.key, &d.Encryption)
	if err != nil {
		return err
	}
	got, err := s.receive(c, d.Encryption, dataKey, "")
	if err != nil {
		return err
	}
	o := object{description: d, Size: got.piece.Size, ETag: got.etag, Modified: time.Now().UTC(), Checksum: got.checksum, Pieces: pieces{got.piece}}
	if o, err = s.publish(c, condition, func(tx state.Tx) (object, error) { return o, got.content.Record(tx) }); err != nil {
		s.drop(got)
		return err
	}
	c.tellNewVersion(o.version)
	h := c.w.Header()
	h.Set("ETag", quote(o.ETag))
	o.Encryption.setHeaders(h)
	o.Checksum.setHeaders(h)
	c.w.WriteHeader(http.StatusOK)
	return nil
}

func (s *Service) checkCondition(c *call, condition createCondition) error {
	if condition == (createCondition{}) {
		return nil
	}
	return s.cfg.DB.View(func(tx state.Tx) error {
		there, err := stackAt(tx, c).current()
		if err != nil {
			return err
		}
		return condition.check(c.target.key, there)
	})
}

// publish records an object at the call's key if condition holds at that moment: of
// several writers who demand that there be nothing, one succeeds. Build returns the
// object, in the same transaction. The content that it replaces is removed, unless it
// stays as an older version.
func (s *Service) publish(c *call, condition createCondition, build func(state.Tx) (object, error)) (o object, err error) {
	var replaced pieces
	err = s.cfg.DB.Update(func(tx state.Tx) error {
		replaced = nil
		bucket, err := s3state.Buckets.Shared(tx, c.target.bucket.Name)
		if err != nil {
			return known(err, noSuchBucket(c.target.bucket.Name)) // deleted while the body came
		}
		versions := stackAt(tx, c)
		there, err := versions.current()
		if err != nil {
			return err
		}
		if err := condition.check(c.target.key, there); err != nil {
			return err
		}
		if o, err = build(tx); err != nil {
			return err
		}
		replaced, err = versions.push(bucket.Versioning, &o)
		return err
	})
	if err == nil {
		s.discard(replaced)
	}
	return o, err
}
