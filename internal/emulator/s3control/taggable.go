package s3control

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/emulator/s3state"
	"github.com/managedcas/managedcas/internal/emulator/state"
	"github.com/managedcas/managedcas/internal/iam"
)

// taggable is a resource that has tags: an access point or a bucket.
type taggable struct {
	tags   map[string]string
	exists bool
	check  gate.Check
}

// resource finds the resource that a tag request is about and prepares the check of
// action on it.
func (s *Service) resource(arn, action string, caller *api.Caller) (taggable, error) {
	if name, ok := s.accessPointName(arn); ok {
		ap, found, err := s.load(name)
		if err != nil {
			return taggable{}, err
		}
		check, err := accessPointCheck(action, ap, found, caller)
		return taggable{ap.Tags, found, check}, err
	}
	name, ok := bucketName(arn)
	if !ok {
		return taggable{}, invalidRequest("the resource ARN must be that of an access point of this account and Region, or of a bucket")
	}
	var b s3state.Bucket
	err := s.cfg.DB.View(func(tx state.Tx) (err error) {
		b, err = s3state.Buckets.Get(tx, name)
		return err
	})
	found := err == nil
	if err := ignoreNotFound(err); err != nil {
		return taggable{}, err
	}
	check := gate.Check{Action: action, Resource: arn, Account: s.cfg.AccountID, Context: iam.Context{}}
	check.Context.Set("s3:ResourceAccount", s.cfg.AccountID)
	for k, v := range b.Tags {
		check.Context.Add("aws:ResourceTag/"+k, v)
	}
	if len(b.Policy) > 0 {
		doc, err := iam.Parse(iam.KindBucket, b.Policy)
		if err != nil {
			return taggable{}, fmt.Errorf("reading the stored policy of bucket %s: %w", name, err)
		}
		check.Policy = &iam.Policy{Name: "bucket policy of " + name, Document: doc}
	}
	return taggable{b.Tags, found, check}, nil
}

// accessPointName reads the ARN of an access point of this account and Region.
func (s *Service) accessPointName(arn string) (string, bool) {
	own := s3state.AccessPoint{AccountID: s.cfg.AccountID, Region: s.cfg.Region}
	name, ok := strings.CutPrefix(arn, own.ARN())
	return name, ok && name != "" && !strings.Contains(name, "/")
}

// bucketName reads the ARN of a bucket.
func bucketName(arn string) (string, bool) {
	name, ok := strings.CutPrefix(arn, "arn:aws:s3:::")
	return name, ok && name != "" && !strings.Contains(name, "/")
}

// authorizedResource authorizes action on the resource of c; add fills in the
// condition keys of the request.
func (s *Service) authorizedResource(ctx context.Context, c *call, action string, add func(iam.Context)) (taggable, error) {
	res, err := s.resource(c.param, action, c.req.Caller)
	if err != nil {
		return res, err
	}
	if add != nil {
		add(res.check.Context)
	}
	if err := s.authorize(ctx, c, res.check); err != nil {
		return res, err
	}
	if !res.exists {
		if _, ok := bucketName(c.param); ok {
			return res, noSuchBucket()
		}
		return res, noSuchAccessPoint()
	}
	return res, nil
}

// changeTags replaces the tags of the resource arn by what edit makes of them.
func (s *Service) changeTags(arn string, edit func(map[string]string) (map[string]string, error)) error {
	if name, ok := s.accessPointName(arn); ok {
		return s.change(name, func(tx state.Tx, key string, ap s3state.AccessPoint) (err error) {
			if ap.Tags, err = edit(ap.Tags); err != nil {
				return err
			}
			return s3state.AccessPoints.Put(tx, key, ap)
		})
	}
	name, _ := bucketName(arn)
	return s.cfg.DB.Update(func(tx state.Tx) error {
		b, err := s3state.Buckets.Get(tx, name)
		if errors.Is(err, state.ErrNotFound) {
			return noSuchBucket()
		}
		if err != nil {
			return err
		}
		if b.Tags, err = edit(b.Tags); err != nil {
			return err
		}
		return s3state.Buckets.Put(tx, name, b)
	})
}
