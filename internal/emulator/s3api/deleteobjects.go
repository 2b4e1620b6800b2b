package s3api

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/s3state"
	"github.com/managedcas/managedcas/internal/emulator/state"
	"github.com/managedcas/managedcas/internal/iam"
)

// maxDeletes is how many keys DeleteObjects takes.
const maxDeletes = 1000

type deleteRequest struct {
	Objects []objectToDelete `xml:"Object"`
	Quiet   bool
	Unknown unknown `xml:",any"`
}

type objectToDelete struct {
	Key       string
	VersionID string  `xml:"VersionId"`
	Unknown   unknown `xml:",any"`
}

type deleteResult struct {
	XMLName xml.Name      `xml:"http://s3.amazonaws.com/doc/2006-03-01/ DeleteResult"`
	Deleted []deletedKey  `xml:"Deleted"`
	Errors  []deleteError `xml:"Error"`
}

// deletedKey reports the marker that was made, or the version that is gone.
type deletedKey struct {
	Key                   string
	VersionID             string `xml:"VersionId,omitempty"`
	DeleteMarker          bool   `xml:",omitempty"`
	DeleteMarkerVersionID string `xml:"DeleteMarkerVersionId,omitempty"`
}

type deleteError struct {
	Key       string
	VersionID string `xml:"VersionId,omitempty"`
	Code      string
	Message   string
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
	var allowed []objectToDelete
	for _, o := range in.Objects {
		err := s.allowDelete(ctx, c, o)
		if aerr, ok := errors.AsType[*api.Error](err); ok {
			out.Errors = append(out.Errors, deleteError{o.Key, o.VersionID, aerr.Code, aerr.Message})
			continue
		}
		if err != nil {
			return err
		}
		allowed = append(allowed, o)
	}
	if len(allowed) > 0 {
		if err := c.target.missing(); err != nil {
			return err
		}
		deleted, err := s.deleteAll(c, allowed)
		if err != nil {
			return err
		}
		if !in.Quiet {
			out.Deleted = deleted
		}
	}
	return writeXML(c.w, http.StatusOK, out)
}

func (s *Service) allowDelete(ctx context.Context, c *call, o objectToDelete) error {
	if err := o.Unknown.refuse(c.op.name); err != nil {
		return err
	}
	if o.VersionID == "" {
		return s.permit(ctx, c, s.checks(c, "s3:DeleteObject", &o.Key))
	}
	if err := checkVersionID(o.VersionID); err != nil {
		return err
	}
	which := func(keys iam.Context) { keys.Set("s3:VersionId", o.VersionID) }
	return s.permit(ctx, c, s.checks(c, onVersion("s3:DeleteObject"), &o.Key, which))
}

func (s *Service) deleteAll(c *call, all []objectToDelete) ([]deletedKey, error) {
	var deleted []deletedKey
	var removed []pieces
	err := s.cfg.DB.Update(func(tx state.Tx) error {
		deleted, removed = nil, nil
		bucket, err := s3state.Buckets.Get(tx, c.target.bucket.Name)
		if err != nil {
			return known(err, noSuchBucket(c.target.bucket.Name))
		}
		for _, o := range all {
			done, err := stack{tx, bucket.Name, o.Key}.delete(bucket.Versioning, o.VersionID)
			if err != nil {
				return err
			}
			removed = append(removed, done.gone)
			item := deletedKey{Key: o.Key, VersionID: o.VersionID}
			if done.Marker {
				item.DeleteMarker, item.DeleteMarkerVersionID = true, done.id()
			}
			deleted = append(deleted, item)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, p := range removed {
		s.discard(p)
	}
	return deleted, nil
}
