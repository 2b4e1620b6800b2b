package kmsapi

import (
	"context"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/awsjson"
	"github.com/managedcas/managedcas/internal/iam"
)

// Limits of tags, in Unicode characters.
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

type tag struct {
	TagKey   string
	TagValue string
}

// mergeTags returns old overlaid with the tags of a request.
func mergeTags(old map[string]string, given []tag) (map[string]string, error) {
	merged := maps.Clone(old)
	seen := map[string]bool{}
	for _, t := range given {
		switch {
		case t.TagKey == "" || utf8.RuneCountInString(t.TagKey) > maxTagKey || utf8.RuneCountInString(t.TagValue) > maxTagValue:
			return nil, failure("TagException", "a tag has a key of 1 to %d and a value of up to %d characters", maxTagKey, maxTagValue)
		case strings.HasPrefix(strings.ToLower(t.TagKey), "aws:"):
			return nil, failure("TagException", "the prefix aws: is reserved")
		case seen[t.TagKey]:
			return nil, failure("TagException", "the request has two tags with the key %q", t.TagKey)
		}
		seen[t.TagKey] = true
		if merged == nil {
			merged = map[string]string{}
		}
		merged[t.TagKey] = t.TagValue
	}
	if len(merged) > maxTags {
		return nil, failure("LimitExceededException", "a key has at most %d tags", maxTags)
	}
	return merged, nil
}

type tagInput struct {
	KeyID string `json:"KeyId"`
	Tags  []tag
}

func (s *Service) tagResource(ctx context.Context, caller *api.Caller, in tagInput) (awsjson.None, error) {
	given, err := mergeTags(nil, in.Tags)
	if err != nil {
		return awsjson.None{}, err
	}
	f, err := s.authorized(ctx, caller, "kms:TagResource", in.KeyID, func(c iam.Context) { setRequestTags(c, given) })
	if err != nil {
		return awsjson.None{}, err
	}
	return awsjson.None{}, s.change(f.ID, func(k *key) (err error) {
		if err := s.notPending(k); err != nil {
			return err
		}
		k.Tags, err = mergeTags(k.Tags, in.Tags)
		return err
	})
}

type untagInput struct {
	KeyID   string `json:"KeyId"`
	TagKeys []string
}

func (s *Service) untagResource(ctx context.Context, caller *api.Caller, in untagInput) (awsjson.None, error) {
	f, err := s.authorized(ctx, caller, "kms:UntagResource", in.KeyID, func(c iam.Context) { c.Set("aws:TagKeys", in.TagKeys...) })
	if err != nil {
		return awsjson.None{}, err
	}
	return awsjson.None{}, s.change(f.ID, func(k *key) error {
		maps.DeleteFunc(k.Tags, func(name, _ string) bool { return slices.Contains(in.TagKeys, name) })
		return s.notPending(k)
	})
}

type listTagsInput struct {
	KeyID string `json:"KeyId"`
	pageInput
}

type listTagsOutput struct {
	Tags []tag
	pageOutput
}

// listResourceTags lists by name. No key has more tags than a default page has room
// for, but a smaller page may be asked for.
func (s *Service) listResourceTags(ctx context.Context, caller *api.Caller, in listTagsInput) (listTagsOutput, error) {
	out := listTagsOutput{Tags: []tag{}}
	limit, err := in.limit(maxTags, maxTags)
	if err != nil {
		return out, err
	}
	from, err := in.from()
	if err != nil {
		return out, err
	}
	f, err := s.authorized(ctx, caller, "kms:ListResourceTags", in.KeyID, nil)
	if err != nil {
		return out, err
	}
	for _, name := range slices.Sorted(maps.Keys(f.Tags)) {
		if name < from {
			continue
		}
		if len(out.Tags) == limit {
			out.pageOutput = next(name)
			break
		}
		out.Tags = append(out.Tags, tag{name, f.Tags[name]})
	}
	return out, nil
}
