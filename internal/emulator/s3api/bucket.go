package s3api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/s3state"
	"github.com/managedcas/managedcas/internal/emulator/state"
	"github.com/managedcas/managedcas/internal/iam"
)

const ownerEnforced = "BucketOwnerEnforced"

type createBucketRequest struct {
	LocationConstraint string
	Tags               tagList `xml:"Tags"`
	Unknown            unknown `xml:",any"`
}

type owner struct{ ID string }

// owner is the account as S3 names owners: by a canonical user id, 64 hex digits.
func (s *Service) owner() owner {
	sum := sha256.Sum256([]byte("canonical user of account " + s.cfg.AccountID))
	return owner{hex.EncodeToString(sum[:])}
}

func (s *Service) createBucket(ctx context.Context, c *call) error {
	name := c.target.bucket.Name
	located := func(keys iam.Context) { keys.Set("s3:LocationConstraint", s.cfg.Region) }
	if err := s.permit(ctx, c, s.checks(c, "s3:CreateBucket", nil, headerKeys(c.r), located)); err != nil {
		return err
	}
	if err := checkBucketName(name); err != nil {
		return err
	}
	if err := s.checkNewBucketACL(ctx, c); err != nil {
		return err
	}
	tags, err := s.newBucketSettings(ctx, c)
	if err != nil {
		return err
	}
	all := s3state.PublicAccessBlock{BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true}
	b := s3state.Bucket{
		Name: name, AccountID: s.cfg.AccountID, Region: s.cfg.Region, Created: time.Now().UTC(),
		PublicAccessBlock: &all, Ownership: ownerEnforced, Encryption: s3state.Encryption{Algorithm: sseS3}, Tags: tags,
	}
	err = s.cfg.DB.Update(func(tx state.Tx) error {
		_, err := s3state.Buckets.Get(tx, name)
		if err == nil && s.cfg.Region == "us-east-1" && len(tags) == 0 {
			// For the sake of old clients it succeeds there, and resets the ACL, which is off
			// here (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html, Errors).
			return nil
		}
		if err == nil {
			return &api.Error{Status: http.StatusConflict, Code: "BucketAlreadyOwnedByYou",
				Message: "Your previous request to create the named bucket succeeded and you already own it.",
				Extra:   [][2]string{{"BucketName", name}}}
		}
		if !errors.Is(err, state.ErrNotFound) {
			return err
		}
		return s3state.Buckets.Put(tx, name, b)
	})
	if err != nil {
		return err
	}
	c.w.Header().Set("Location", "/"+name)
	return nil
}

// checkNewBucketACL accepts the settings that new buckets have anyway and refuses
// others: access control lists are off (Object Ownership is BucketOwnerEnforced).
func (s *Service) checkNewBucketACL(ctx context.Context, c *call) error {
	if ownership := c.r.Header.Get("X-Amz-Object-Ownership"); ownership != "" {
		if err := s.permit(ctx, c, s.checks(c, "s3:PutBucketOwnershipControls", nil, headerKeys(c.r))); err != nil {
			return err
		}
		if ownership != ownerEnforced {
			return notImplemented("CreateBucket with x-amz-object-ownership " + ownership)
		}
	}
	if acl := c.r.Header.Get("X-Amz-Acl"); acl != "" && acl != "private" || hasGrants(c.r) {
		return api.Errorf(http.StatusBadRequest, "InvalidBucketAclWithObjectOwnership", "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting")
	}
	return nil
}

// newBucketSettings reads the request's document: the Region must be this one.
func (s *Service) newBucketSettings(ctx context.Context, c *call) (map[string]string, error) {
	body, err := c.readAll()
	if err != nil {
		return nil, err
	}
	var in createBucketRequest
	if len(body) > 0 {
		if err := decodeXML(body, "CreateBucketConfiguration", &in); err != nil {
			return nil, err
		}
	}
	if err := in.Unknown.refuse("CreateBucket"); err != nil {
		return nil, err
	}
	if err := s.checkLocation(in.LocationConstraint); err != nil {
		return nil, err
	}
	if len(in.Tags.Tags) == 0 {
		return nil, nil
	}
	tags, err := in.Tags.parse(maxBucketTags)
	if err != nil {
		return nil, err
	}
	return tags, s.permit(ctx, c, s.checks(c, "s3:TagResource", nil, requestTags(tags)))
}

// checkLocation requires this endpoint's Region. us-east-1 is the one that is named by not
// naming it.
func (s *Service) checkLocation(location string) error {
	const unnamed = "us-east-1"
	want := s.cfg.Region
	if want == unnamed {
		want = ""
	}
	switch {
	case location == want:
		return nil
	case location == s.cfg.Region:
		return api.Errorf(http.StatusBadRequest, "InvalidLocationConstraint", "The specified location-constraint is not valid")
	}
	return api.Errorf(http.StatusBadRequest, "IllegalLocationConstraintException",
		"The %s location constraint is incompatible for the region specific endpoint this request was sent to: this endpoint is %s.",
		orUnspecified(location), s.cfg.Region)
}

func orUnspecified(location string) string {
	if location == "" {
		return "unspecified"
	}
	return location
}

func (s *Service) deleteBucket(ctx context.Context, c *call) error {
	if err := s.allow(ctx, c, "s3:DeleteBucket"); err != nil {
		return err
	}
	name := c.target.bucket.Name
	var orphans []pieces
	err := s.cfg.DB.Update(func(tx state.Tx) (err error) {
		if err := checkDeletable(tx, name); err != nil {
			return err
		}
		// Unfinished uploads do not keep a bucket.
		if orphans, err = dropUploads(tx, name, func(string, upload) bool { return true }); err != nil {
			return err
		}
		return s3state.Buckets.Delete(tx, name)
	})
	if err != nil {
		return err
	}
	for _, p := range orphans {
		s.discard(p)
	}
	return c.noContent()
}

func checkDeletable(tx state.Tx, name string) error {
	if _, err := s3state.Buckets.Get(tx, name); err != nil {
		return known(err, noSuchBucket(name))
	}
	attached := false
	err := s3state.AccessPoints.Scan(tx, "", func(_ string, ap s3state.AccessPoint) (bool, error) {
		attached = ap.Bucket == name
		return !attached, nil
	})
	if err != nil {
		return err
	}
	if attached {
		return api.Errorf(http.StatusBadRequest, "BucketHasAccessPointsAttached", "The bucket you tried to delete has access points attached. Delete your access points before deleting your bucket.")
	}
	full := api.Error{Status: http.StatusConflict, Code: "BucketNotEmpty",
		Message: "The bucket you tried to delete is not empty", Extra: [][2]string{{"BucketName", name}}}
	if err := checkEmpty(tx, objects, name, full); err != nil {
		return err
	}
	full.Message += ". You must delete all versions in the bucket."
	return checkEmpty(tx, history, name, full)
}

// checkEmpty returns otherwise if a bucket has something in table.
func checkEmpty(tx state.Tx, table state.Table[object], bucket string, otherwise api.Error) error {
	empty := true
	err := table.Scan(tx, objectKey(bucket, ""), func(at string, _ object) (bool, error) {
		empty = !strings.HasPrefix(at, objectKey(bucket, ""))
		return false, nil
	})
	if err != nil || empty {
		return err
	}
	return &otherwise
}

func (s *Service) headBucket(ctx context.Context, c *call) error {
	if err := s.allow(ctx, c, "s3:ListBucket"); err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("X-Amz-Bucket-Region", c.target.bucket.Region)
	h.Set("X-Amz-Access-Point-Alias", "false")
	if c.target.via != nil {
		h.Set("X-Amz-Access-Point-Alias", "true")
	}
	return nil
}

type locationConstraint struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ LocationConstraint"`
	Region  string   `xml:",chardata"`
}

func (s *Service) getBucketLocation(ctx context.Context, c *call) error {
	if err := s.allow(ctx, c, "s3:GetBucketLocation"); err != nil {
		return err
	}
	out := locationConstraint{Region: c.target.bucket.Region}
	if out.Region == "us-east-1" {
		out.Region = ""
	}
	return writeXML(c.w, http.StatusOK, out)
}
