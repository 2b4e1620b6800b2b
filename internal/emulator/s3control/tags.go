package s3control

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/emulator/s3state"
	"github.com/managedcas/managedcas/internal/emulator/state"
	"github.com/managedcas/managedcas/internal/iam"
)

// Limits of tags, in Unicode characters (facts AWS §1.2).
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

var tagText = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// mergeTags returns old overlaid with the tags of a request.
func mergeTags(old map[string]string, given []tag) (map[string]string, error) {
	merged := maps.Clone(old)
	seen := map[string]bool{}
	for _, t := range given {
		switch {
		case t.Key == "" || utf8.RuneCountInString(t.Key) > maxTagKey || !tagText.MatchString(t.Key):
			return nil, invalidTag("The TagKey you have provided is invalid")
		case utf8.RuneCountInString(t.Value) > maxTagValue || !tagText.MatchString(t.Value):
			return nil, invalidTag("The TagValue you have provided is invalid")
		case strings.HasPrefix(strings.ToLower(t.Key), "aws:"):
			return nil, invalidTag("System tags cannot be added/updated by requester")
		case seen[t.Key]:
			return nil, invalidTag("Cannot provide multiple Tags with the same key")
		}
		seen[t.Key] = true
		if merged == nil {
			merged = map[string]string{}
		}
		merged[t.Key] = t.Value
	}
	if len(merged) > maxTags {
		return nil, api.Errorf(http.StatusBadRequest, "TooManyTags", "The number of tags exceeds the limit of %d tags", maxTags)
	}
	return merged, nil
}

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
	for k, v := range b.Tags {
		check.Context.Set("aws:ResourceTag/"+k, v)
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

func (s *Service) listTags(ctx context.Context, c *call) (any, error) {
	res, err := s.authorizedResource(ctx, c, "s3:ListTagsForResource", nil)
	if err != nil {
		return nil, err
	}
	var out listTagsResult
	for _, k := range slices.Sorted(maps.Keys(res.tags)) {
		out.Tags.Tags = append(out.Tags.Tags, tag{k, res.tags[k]})
	}
	return out, nil
}

func (s *Service) tagResource(ctx context.Context, c *call) (any, error) {
	var in tagResourceRequest
	if err := decode(c.body, "TagResourceRequest", &in); err != nil {
		return nil, err
	}
	if err := in.Unknown.refuse("TagResource"); err != nil {
		return nil, err
	}
	given, err := mergeTags(nil, in.Tags.Tags)
	if err != nil {
		return nil, err
	}
	if _, err := s.authorizedResource(ctx, c, "s3:TagResource", func(k iam.Context) { setRequestTags(k, given) }); err != nil {
		return nil, err
	}
	return nil, s.changeTags(c.param, func(old map[string]string) (map[string]string, error) {
		return mergeTags(old, in.Tags.Tags)
	})
}

func (s *Service) untagResource(ctx context.Context, c *call) (any, error) {
	keys := c.query["tagKeys"]
	if len(keys) == 0 {
		return nil, invalidRequest("the request names no tagKeys")
	}
	if _, err := s.authorizedResource(ctx, c, "s3:UntagResource", func(k iam.Context) { k.Set("aws:TagKeys", keys...) }); err != nil {
		return nil, err
	}
	return nil, s.changeTags(c.param, func(old map[string]string) (map[string]string, error) {
		kept := maps.Clone(old)
		maps.DeleteFunc(kept, func(k, _ string) bool { return slices.Contains(keys, k) })
		return kept, nil
	})
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
