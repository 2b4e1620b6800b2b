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
	if o == nil || o.Marker {
		return c.absent(o)
	}
	c.tellVersion(o.version)
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
		versions := stackAt(tx, c)
		o, err := c.wantedVersion(versions)
		if err != nil {
			return err
		}
		if o == nil || o.Marker {
			return c.absent(o)
		}
		current, err := versions.current()
		if err != nil {
			return err
		}
		o.Tags = tags
		c.tellVersion(o.version)
		return versions.put(*o, current != nil && current.id() == o.id())
	})
}
