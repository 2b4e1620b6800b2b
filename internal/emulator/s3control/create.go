package s3control

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/s3state"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

func (s *Service) createAccessPoint(ctx context.Context, c *call) (any, error) {
	ap, err := s.requested(c)
	if err != nil {
		return nil, err
	}
	check, err := accessPointCheck("s3:CreateAccessPoint", ap, false, c.req.Caller)
	if err != nil {
		return nil, err
	}
	check.Context.Set("s3:AccessPointNetworkOrigin", ap.NetworkOrigin())
	setRequestTags(check.Context, ap.Tags)
	if err := s.authorize(ctx, c, check); err != nil {
		return nil, err
	}
	if len(ap.Tags) > 0 {
		check.Action = "s3:TagResource"
		if err := s.authorize(ctx, c, check); err != nil {
			return nil, err
		}
	}
	if err := s.cfg.DB.Update(func(tx state.Tx) error { return s.insert(tx, ap) }); err != nil {
		return nil, err
	}
	s.cfg.Log.InfoContext(ctx, "access point created", slog.String("name", ap.Name), slog.String("bucket", ap.Bucket))
	return createAccessPointResult{AccessPointArn: ap.ARN(), Alias: ap.Alias}, nil
}

var vpcID = regexp.MustCompile(`^vpc-[0-9a-f]{8}(?:[0-9a-f]{9})?$`)

// requested is the access point that the body of a CreateAccessPoint asks for.
func (s *Service) requested(c *call) (s3state.AccessPoint, error) {
	var in createAccessPointRequest
	ap := s3state.AccessPoint{
		Name:      c.param,
		AccountID: s.cfg.AccountID,
		Region:    s.cfg.Region,
		Alias:     newAlias(c.param),
		Created:   time.Now().UTC().Truncate(time.Second),
		// New access points block all public access unless the request says otherwise.
		PublicAccessBlock: s3state.PublicAccessBlock{BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true},
	}
	if err := validateName(c.param); err != nil {
		return ap, err
	}
	if err := decode(c.body, "CreateAccessPointRequest", &in); err != nil {
		return ap, err
	}
	if err := in.Unknown.refuse("CreateAccessPoint"); err != nil {
		return ap, err
	}
	if in.Bucket == "" {
		return ap, invalidRequest("the request names no bucket")
	}
	if in.BucketAccountID != "" && in.BucketAccountID != s.cfg.AccountID {
		return ap, invalidRequest("the bucket belongs to account %s; an access point here must be in its bucket's account", in.BucketAccountID)
	}
	ap.Bucket, ap.BucketAccountID = in.Bucket, s.cfg.AccountID
	if in.VPC != nil {
		if !vpcID.MatchString(in.VPC.VpcID) {
			return ap, invalidRequest("VpcId is not the id of a VPC")
		}
		ap.VpcID = in.VPC.VpcID
	}
	if in.PublicAccessBlock != nil {
		ap.PublicAccessBlock = s3state.PublicAccessBlock(*in.PublicAccessBlock)
	}
	var err error
	ap.Tags, err = mergeTags(nil, in.Tags.Tags)
	return ap, err
}

// insert stores a new access point. Asking twice is an error even with equal
// parameters: CreateAccessPoint is not idempotent (facts AWS §1.3).
func (s *Service) insert(tx state.Tx, ap s3state.AccessPoint) error {
	key := s3state.AccessPointKey(ap.AccountID, ap.Name)
	switch _, err := s3state.AccessPoints.Get(tx, key); {
	case err == nil:
		return api.Errorf(http.StatusConflict, "AccessPointAlreadyOwnedByYou", "Your previous request to create the named accesspoint succeeded and you already own it.")
	case !errors.Is(err, state.ErrNotFound):
		return err
	}
	bucket, err := s3state.Buckets.Get(tx, ap.Bucket)
	switch {
	case errors.Is(err, state.ErrNotFound):
		return invalidRequest("the bucket %s does not exist", ap.Bucket)
	case err != nil:
		return err
	case bucket.AccountID != ap.BucketAccountID:
		return invalidRequest("the bucket %s belongs to another account", ap.Bucket)
	case bucket.Region != ap.Region:
		return invalidRequest("the bucket %s is in %s; an access point must be in its bucket's Region", ap.Bucket, bucket.Region)
	}
	if n := s3state.AccessPoints.Count(tx, s3state.AccessPointKey(ap.AccountID, "")); n >= s.cfg.Quota {
		return api.Errorf(http.StatusBadRequest, "TooManyAccessPoints", "You have attempted to create more access points than your account allows (%d).", s.cfg.Quota)
	}
	if err := s3state.AccessPoints.Put(tx, key, ap); err != nil {
		return err
	}
	return s3state.Aliases.Put(tx, ap.Alias, key)
}
