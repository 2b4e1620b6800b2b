package s3api

import (
	"context"
	"encoding/xml"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/s3state"
	"github.com/managedcas/managedcas/internal/iam"
)

// Limits of tags, in Unicode characters (facts AWS §1.2, §7.3).
const (
	maxBucketTags = 50
	maxObjectTags = 10
	maxTagKey     = 128
	maxTagValue   = 256
)

var tagText = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

type tag struct {
	Key   string
	Value string
}

type tagList struct {
	Tags []tag `xml:"Tag"`
}

type tagging struct {
	XMLName xml.Name `xml:"Tagging"`
	TagSet  tagList
	Unknown unknown `xml:",any"`
}

func invalidTag(message string) *api.Error {
	return api.Errorf(http.StatusBadRequest, "InvalidTag", "%s", message)
}

// parse checks tags against AWS's rules.
func (l tagList) parse(most int) (map[string]string, error) {
	tags := make(map[string]string, len(l.Tags))
	for _, t := range l.Tags {
		_, twice := tags[t.Key]
		switch {
		case t.Key == "" || utf8.RuneCountInString(t.Key) > maxTagKey || !tagText.MatchString(t.Key):
			return nil, invalidTag("The TagKey you have provided is invalid")
		case utf8.RuneCountInString(t.Value) > maxTagValue || !tagText.MatchString(t.Value):
			return nil, invalidTag("The TagValue you have provided is invalid")
		case strings.HasPrefix(strings.ToLower(t.Key), "aws:"):
			return nil, invalidTag("System tags cannot be added/updated by requester")
		case twice:
			return nil, invalidTag("Cannot provide multiple Tags with the same key")
		}
		tags[t.Key] = t.Value
	}
	if len(tags) > most {
		return nil, api.Errorf(http.StatusBadRequest, "BadRequest", "The number of tags cannot be greater than %d", most)
	}
	return tags, nil
}

// headerTags reads x-amz-tagging: tags in the form of a query string.
func headerTags(r *http.Request) (map[string]string, error) {
	text := r.Header.Get("X-Amz-Tagging")
	if text == "" {
		return nil, nil
	}
	values, err := url.ParseQuery(text)
	if err != nil {
		return nil, invalidArgument("x-amz-tagging", text, "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.")
	}
	var list tagList
	for _, key := range slices.Sorted(maps.Keys(values)) {
		for _, v := range values[key] {
			list.Tags = append(list.Tags, tag{key, v})
		}
	}
	return list.parse(maxObjectTags)
}

func documentOf(tags map[string]string) tagging {
	var out tagging
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		out.TagSet.Tags = append(out.TagSet.Tags, tag{k, tags[k]})
	}
	return out
}

// requestTags sets the condition keys of tags that a request gives to a bucket.
func requestTags(tags map[string]string) keysOf {
	return func(keys iam.Context) {
		for k, v := range tags {
			keys.Add("aws:RequestTag/"+k, v)
		}
		keys.Set("aws:TagKeys", slices.Sorted(maps.Keys(tags))...)
	}
}

// requestObjectTags sets those of tags that a request gives to an object.
func requestObjectTags(tags map[string]string) keysOf {
	return func(keys iam.Context) {
		for k, v := range tags {
			keys.Add("s3:RequestObjectTag/"+k, v)
		}
		keys.Set("s3:RequestObjectTagKeys", slices.Sorted(maps.Keys(tags))...)
	}
}

// existingTags sets those of tags that an object has.
func existingTags(tags map[string]string) keysOf {
	return func(keys iam.Context) {
		for k, v := range tags {
			keys.Add("s3:ExistingObjectTag/"+k, v)
		}
	}
}

// tagKeys is existingTags of an object, nil for none.
func (o *object) tagKeys() keysOf {
	if o == nil {
		return existingTags(nil)
	}
	return existingTags(o.Tags)
}

// decodeTags reads a Tagging document.
func (c *call) decodeTags(most int) (map[string]string, error) {
	var in tagging
	if err := c.decode("Tagging", &in); err != nil {
		return nil, err
	}
	if err := in.Unknown.refuse(c.op.name); err != nil {
		return nil, err
	}
	return in.TagSet.parse(most)
}

func (s *Service) putBucketTagging(ctx context.Context, c *call) error {
	if err := s.allow(ctx, c, "s3:PutBucketTagging"); err != nil {
		return err
	}
	tags, err := c.decodeTags(maxBucketTags)
	if err != nil {
		return err
	}
	return s.reset(c, func(b *s3state.Bucket) { b.Tags = tags })
}

func (s *Service) getBucketTagging(ctx context.Context, c *call) error {
	if err := s.allow(ctx, c, "s3:GetBucketTagging"); err != nil {
		return err
	}
	if len(c.target.bucket.Tags) == 0 {
		return api.Errorf(http.StatusNotFound, "NoSuchTagSet", "The TagSet does not exist")
	}
	return writeXML(c.w, http.StatusOK, documentOf(c.target.bucket.Tags))
}

func (s *Service) deleteBucketTagging(ctx context.Context, c *call) error {
	if err := s.allow(ctx, c, "s3:PutBucketTagging"); err != nil {
		return err
	}
	return s.reset(c, func(b *s3state.Bucket) { b.Tags = nil })
}
