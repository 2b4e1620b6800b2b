package s3api

import (
	"context"
	"net/http"

	"github.com/managedcas/managedcas/internal/emulator/state"
)

func (s *Service) putObjectTagging(ctx context.Context, c *call) error {
	// The tags are condition keys of the permission to put them.
	tags, err := c.decodeTags(maxObjectTags)
	if err != nil {
		return err
	}
	if err := s.allowTags(ctx, c, "s3:PutObjectTagging", requestObjectTags(tags)); err != nil {
		return err
	}
	if err := s.setTags(c, tags); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusOK)
	return nil
}

func (s *Service) getObjectTagging(ctx context.Context, c *call) error {
	if err := s.allowTags(ctx, c, "s3:GetObjectTagging"); err != nil {
		return err
	}
	o, err := s.lookup(c)
	if err != nil {
		return err
	}
	if o == nil {
		return noSuchKey(c.target.key)
	}
	return writeXML(c.w, http.StatusOK, documentOf(o.Tags))
}

func (s *Service) deleteObjectTagging(ctx context.Context, c *call) error {
	if err := s.allowTags(ctx, c, "s3:DeleteObjectTagging"); err != nil {
		return err
	}
	if err := s.setTags(c, nil); err != nil {
		return err
	}
	return c.noContent()
}

// allowTags authorizes an action on the tags of the object of the call, which must
// exist.
func (s *Service) allowTags(ctx context.Context, c *call, action string, add ...keysOf) error {
	o, err := s.lookup(c)
	if err != nil {
		return err
	}
	return s.allowRead(ctx, c, action, o, add...)
}

func (s *Service) setTags(c *call, tags map[string]string) error {
	return s.cfg.DB.Update(func(tx state.Tx) error {
		o, err := objectAt(tx, c)
		if err != nil {
			return err
		}
		if o == nil {
			return noSuchKey(c.target.key)
		}
		o.Tags = tags
		return objects.Put(tx, objectKey(c.target.bucket.Name, c.target.key), *o)
	})
}
