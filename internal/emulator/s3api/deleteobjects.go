package s3api

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"slices"

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
	VersionID string `xml:"VersionId"`
	// ETag is what the object must be, as If-Match of DeleteObject.
	ETag    string
	Unknown unknown `xml:",any"`
}

type deleteResult struct {
	XMLName xml.Name      `xml:"http://s3.amazonaws.com/doc/2006-03-01/ DeleteResult"`
	Deleted []deletedKey  `xml:"Deleted"`
	Errors  []deleteError `xml:"Error"`
}

// deletedKey reports the marker that was made, or the version that is gone.
type deletedKey struct {
	Key                   keyText
	VersionID             string `xml:"VersionId,omitempty"`
	DeleteMarker          bool   `xml:",omitempty"`
	DeleteMarkerVersionID string `xml:"DeleteMarkerVersionId,omitempty"`
}

type deleteError struct {
	Key       keyText
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
	if slices.ContainsFunc(in.Objects, func(o objectToDelete) bool { return o.Key == "" }) {
		return malformedXML(errors.New("an object has no Key"))
	}
	if err := c.checkOwner(); err != nil {
		return err // of the request, not of each object
	}
	out := deleteResult{}
	var allowed []objectToDelete
	for _, o := range in.Objects {
		refused, err := o.refused(s.allowDelete(ctx, c, o))
		if err != nil {
			return err
		}
		if refused != nil {
			out.Errors = append(out.Errors, *refused)
			continue
		}
		allowed = append(allowed, o)
	}
	if len(allowed) > 0 {
		if err := c.target.missing(); err != nil {
			return err
		}
		deleted, refused, err := s.deleteAll(c, allowed)
		if err != nil {
			return err
		}
		out.Errors = append(out.Errors, refused...)
		if !in.Quiet {
			out.Deleted = deleted
		}
	}
	return writeXML(c.w, http.StatusOK, out)
}

// refused turns an error about one object into an element of the answer.
func (o objectToDelete) refused(err error) (*deleteError, error) {
	if aerr, ok := errors.AsType[*api.Error](err); ok {
		return &deleteError{keyText(o.Key), o.VersionID, aerr.Code, aerr.Message}, nil
	}
	return nil, err
}

func (s *Service) allowDelete(ctx context.Context, c *call, o objectToDelete) error {
	if err := o.Unknown.refuse(c.op.name); err != nil {
		return err
	}
	if len(o.Key) > maxKey {
		return keyTooLong(o.Key)
	}
	if o.VersionID == "" {
		match := func(keys iam.Context) {
			if o.ETag != "" {
				keys.Set("s3:if-match", o.ETag)
			}
		}
		return s.permit(ctx, c, s.deleteChecks(c, o.Key, deleteCondition(o.ETag), match))
	}
	if o.ETag != "" {
		return notImplemented(c.op.name + " with ETag and VersionId")
	}
	if err := checkVersionID(o.VersionID); err != nil {
		return err
	}
	which := func(keys iam.Context) { keys.Set("s3:VersionId", o.VersionID) }
	return s.permit(ctx, c, s.checks(c, onVersion("s3:DeleteObject"), &o.Key, which))
}

func (s *Service) deleteAll(c *call, all []objectToDelete) (deleted []deletedKey, failed []deleteError, err error) {
	var removed []pieces
	err = s.cfg.DB.Update(func(tx state.Tx) error {
		deleted, failed, removed = nil, nil, nil
		bucket, err := s3state.Buckets.Get(tx, c.target.bucket.Name)
		if err != nil {
			return known(err, noSuchBucket(c.target.bucket.Name))
		}
		for _, o := range all {
			versions := stack{tx, bucket.Name, o.Key}
			there, err := versions.current()
			if err != nil {
				return err
			}
			refused, err := o.refused(deleteCondition(o.ETag).check(o.Key, there))
			if err != nil {
				return err
			}
			if refused != nil {
				failed = append(failed, *refused)
				continue
			}
			done, err := versions.delete(bucket.Versioning, o.VersionID)
			if err != nil {
				return err
			}
			removed = append(removed, done.gone)
			item := deletedKey{Key: keyText(o.Key), VersionID: o.VersionID}
			if done.Marker {
				item.DeleteMarker, item.DeleteMarkerVersionID = true, done.id()
			}
			deleted = append(deleted, item)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	for _, p := range removed {
		s.discard(p)
	}
	return deleted, failed, nil
}
