package s3api

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// maxDeletes is how many keys DeleteObjects takes.
const maxDeletes = 1000

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
	var removed pieces
	err := s.cfg.DB.Update(func(tx state.Tx) error {
		removed = nil
		there, err := objectAt(tx, c)
		if err != nil {
			return err
		}
		if err := condition.check(c.target.key, there); err != nil || there == nil {
			return err
		}
		removed = there.Pieces
		return objects.Delete(tx, objectKey(c.target.bucket.Name, c.target.key))
	})
	if err != nil {
		return err
	}
	s.discard(removed)
	return c.noContent()
}

type deleteRequest struct {
	Objects []struct {
		Key       string
		VersionID string  `xml:"VersionId"`
		Unknown   unknown `xml:",any"`
	} `xml:"Object"`
	Quiet   bool
	Unknown unknown `xml:",any"`
}

type deleteResult struct {
	XMLName xml.Name      `xml:"http://s3.amazonaws.com/doc/2006-03-01/ DeleteResult"`
	Deleted []deletedKey  `xml:"Deleted"`
	Errors  []deleteError `xml:"Error"`
}

type deletedKey struct{ Key string }

type deleteError struct {
	Key     string
	Code    string
	Message string
}

// deleteObjects authorizes and deletes key by key: the answer is 200 also when keys
// were refused.
func (s *Service) deleteObjects(ctx context.Context, c *call) error {
	var in deleteRequest
	if err := c.decode("Delete", &in); err != nil {
		return err
	}
	if n := len(in.Objects); n == 0 || n > maxDeletes {
		return malformedXML(errors.New("there must be 1 to 1000 objects"))
	}
	if err := in.Unknown.refuse(c.op.name); err != nil {
		return err
	}
	out := deleteResult{}
	var allowed []string
	for _, o := range in.Objects {
		err := o.Unknown.refuse(c.op.name)
		if o.VersionID != "" && o.VersionID != "null" {
			err = notImplemented(c.op.name + " with VersionId")
		}
		if err == nil {
			action := "s3:DeleteObject"
			if o.VersionID != "" {
				action = onVersion(action)
			}
			err = s.permit(ctx, c, s.checks(c, action, &o.Key))
		}
		if aerr, ok := errors.AsType[*api.Error](err); ok {
			out.Errors = append(out.Errors, deleteError{o.Key, aerr.Code, aerr.Message})
			continue
		}
		if err != nil {
			return err
		}
		allowed = append(allowed, o.Key)
	}
	if len(allowed) > 0 {
		if err := c.target.missing(); err != nil {
			return err
		}
		if err := s.deleteKeys(c, allowed); err != nil {
			return err
		}
	}
	if !in.Quiet {
		for _, key := range allowed {
			out.Deleted = append(out.Deleted, deletedKey{key})
		}
	}
	return writeXML(c.w, http.StatusOK, out)
}

func (s *Service) deleteKeys(c *call, keys []string) error {
	var removed []pieces
	err := s.cfg.DB.Update(func(tx state.Tx) error {
		removed = nil
		for _, key := range keys {
			at := objectKey(c.target.bucket.Name, key)
			o, err := objects.Get(tx, at)
			if errors.Is(err, state.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			removed = append(removed, o.Pieces)
			if err := objects.Delete(tx, at); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, p := range removed {
		s.discard(p)
	}
	return nil
}
