package s3control

import (
	"context"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/managedcas/managedcas/internal/emulator/api"
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
