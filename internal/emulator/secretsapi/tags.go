package secretsapi

import (
	"context"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/awsjson"
	"github.com/managedcas/managedcas/internal/emulator/state"
	"github.com/managedcas/managedcas/internal/iam"
)

// Limits of tags, in Unicode characters.
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

type tag struct {
	Key   string
	Value string
}

// mergeTags returns old overlaid with the tags of a request.
func mergeTags(old map[string]string, given []tag) (map[string]string, error) {
	merged := maps.Clone(old)
	seen := map[string]bool{}
	for _, t := range given {
		switch {
		case t.Key == "" || utf8.RuneCountInString(t.Key) > maxTagKey || utf8.RuneCountInString(t.Value) > maxTagValue:
			return nil, invalidParameter("a tag has a key of 1 to %d and a value of up to %d characters", maxTagKey, maxTagValue)
		case strings.HasPrefix(strings.ToLower(t.Key), "aws:"):
			return nil, invalidParameter("the prefix aws: of tag keys is reserved")
		case seen[t.Key]:
			return nil, invalidParameter("the request has two tags with the key %q", t.Key)
		}
		seen[t.Key] = true
		if merged == nil {
			merged = map[string]string{}
		}
		merged[t.Key] = t.Value
	}
	if len(merged) > maxTags {
		return nil, failure("LimitExceededException", "a secret has at most %d tags", maxTags)
	}
	return merged, nil
}

// tagList returns tags in order of key.
func tagList(tags map[string]string) []tag {
	var list []tag
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, tag{key, tags[key]})
	}
	return list
}

func requestTags(tags []tag) iam.Context {
	keys := iam.Context{}
	var names []string
	for _, t := range tags {
		keys.Add("aws:RequestTag/"+t.Key, t.Value)
		names = append(names, t.Key)
	}
	keys.Set("aws:TagKeys", names...)
	return keys
}

type tagInput struct {
	SecretId string //nolint:revive // the member's name on the wire
	Tags     []tag
}

func (s *Service) tagResource(ctx context.Context, caller *api.Caller, in tagInput) (awsjson.None, error) {
	if _, err := mergeTags(nil, in.Tags); err != nil {
		return awsjson.None{}, err
	}
	found, err := s.usable(ctx, caller, "TagResource", in.SecretId, requestTags(in.Tags))
	if err != nil {
		return awsjson.None{}, err
	}
	return awsjson.None{}, s.change(found.ARN, func(_ state.Tx, now *secret) (err error) {
		now.Tags, err = mergeTags(now.Tags, in.Tags)
		return err
	})
}

type untagInput struct {
	SecretId string //nolint:revive // the member's name on the wire
	TagKeys  []string
}

func (s *Service) untagResource(ctx context.Context, caller *api.Caller, in untagInput) (awsjson.None, error) {
	keys := iam.Context{}
	keys.Set("aws:TagKeys", in.TagKeys...)
	found, err := s.usable(ctx, caller, "UntagResource", in.SecretId, keys)
	if err != nil {
		return awsjson.None{}, err
	}
	return awsjson.None{}, s.change(found.ARN, func(_ state.Tx, now *secret) error {
		maps.DeleteFunc(now.Tags, func(key, _ string) bool { return slices.Contains(in.TagKeys, key) })
		return nil
	})
}
