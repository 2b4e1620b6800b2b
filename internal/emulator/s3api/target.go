package s3api

import (
	"errors"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/s3state"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// target is what an address leads to.
type target struct {
	bucket       s3state.Bucket
	bucketExists bool
	// via is the access point that the request goes through, nil for direct requests.
	// One that does not exist has a name, so that the caller can be authorized for it.
	via         *s3state.AccessPoint
	viaExists   bool
	effective   s3state.PublicAccessBlock // of account and bucket
	key         string
	addressedBy string // the name in the request, for messages
}

const aliasSuffix = "-s3alias"

// find looks up what at leads to. What does not exist is no error here: the caller
// must be authorized before that is told.
func (s *Service) find(at address) (target, error) {
	t := target{key: at.key, addressedBy: at.bucket + at.accessPoint}
	if at.empty() {
		return t, nil
	}
	err := s.cfg.DB.View(func(tx state.Tx) error {
		name := at.bucket
		if at.accessPoint != "" || strings.HasSuffix(at.bucket, aliasSuffix) {
			if err := s.findAccessPoint(tx, at, &t); err != nil {
				return err
			}
			name = t.via.Bucket
		}
		t.bucket = s3state.Bucket{Name: name, AccountID: s.cfg.AccountID, Region: s.cfg.Region}
		stored, err := s3state.Buckets.Shared(tx, name)
		if err == nil {
			t.bucket, t.bucketExists = stored, true
		} else if !errors.Is(err, state.ErrNotFound) {
			return err
		}
		t.effective, err = s3state.Effective(tx, t.bucket)
		return err
	})
	return t, err
}

func (s *Service) findAccessPoint(tx state.Tx, at address, t *target) error {
	var ap s3state.AccessPoint
	var err error
	if at.accessPoint != "" {
		ap, err = s3state.AccessPoints.Shared(tx, s3state.AccessPointKey(at.account, at.accessPoint))
	} else {
		ap, err = s3state.AccessPointByAlias(tx, at.bucket)
	}
	t.viaExists = err == nil
	if errors.Is(err, state.ErrNotFound) {
		// An alias that is nobody's is a name that no policy can name either: policies
		// know access points by ARN only (facts AWS §1.1).
		ap = s3state.AccessPoint{Name: at.accessPoint + at.bucket, AccountID: s.cfg.AccountID, Region: s.cfg.Region}
		if at.account != "" {
			ap.AccountID = at.account
		}
		err = nil
	}
	t.via = &ap
	return err
}

// missing returns the error of a target whose bucket or access point does not exist,
// nil when both do. Only an authorized caller may see it.
func (t target) missing() error {
	switch {
	case t.via != nil && !t.viaExists:
		return noSuchAccessPoint()
	case !t.bucketExists:
		return noSuchBucket(t.bucket.Name)
	}
	return nil
}

// bucketARN is the bucket as bucket policies and encryption contexts name it.
func (t target) bucketARN() string { return "arn:aws:s3:::" + t.bucket.Name }

// objectARN is an object as bucket policies and encryption contexts name it,
// whichever way it is reached (facts AWS §2.3, §6.3).
func (t target) objectARN(key string) string { return t.bucketARN() + "/" + key }

// refuseUnknownParts refuses what applies to every operation and is not here, and
// what the address does not allow.
func (c *call) refuseUnknownParts() error {
	if c.target.via != nil && !c.op.viaAccessPoint {
		return methodNotAllowed(c.r.Method)
	}
	if err := c.checkVersion(); err != nil {
		return err
	}
	for _, name := range []string{"X-Amz-Mfa", "X-Amz-Bypass-Governance-Retention", "X-Amz-Object-Lock-Mode",
		"X-Amz-Object-Lock-Legal-Hold", "X-Amz-Object-Lock-Retain-Until-Date", "X-Amz-Bucket-Object-Lock-Enabled",
		"X-Amz-Website-Redirect-Location", "X-Amz-Write-Offset-Bytes"} {
		if v := c.r.Header.Get(name); v != "" && !strings.EqualFold(v, "false") {
			return notImplemented(c.op.name + " with " + strings.ToLower(name))
		}
	}
	return c.refuseInUpload()
}

// refuseInUpload refuses what would be ignored in an upload. Conditions are for the step
// that completes it (facts AWS §7.2): S3 answers 501 to one in the first step
// (https://github.com/aws/aws-sdk-js-v3/issues/8020), and probably in the others.
func (c *call) refuseInUpload() error {
	if c.r.Header.Get(headerSSEC) != "" && c.query.Has("uploadId") {
		return notImplemented(c.op.name + " with SSE-C")
	}
	switch c.op.name {
	case "CreateMultipartUpload", "UploadPart", "UploadPartCopy":
		if c.r.Header.Get("If-Match") != "" || c.r.Header.Get("If-None-Match") != "" {
			return notImplemented(c.op.name + " with If-Match or If-None-Match")
		}
	}
	return nil
}

// checkOwner refuses a request whose sender expects the bucket to be another's.
func (c *call) checkOwner() *api.Error {
	if want := c.r.Header.Get("X-Amz-Expected-Bucket-Owner"); want != "" && want != c.target.bucket.AccountID {
		return accessDenied("Access Denied")
	}
	return nil
}
