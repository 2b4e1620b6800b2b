package iamapi

import (
	"maps"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/awsquery"
)

// applyTags returns tags with more added or changed. Keys of roles and users are
// the same whatever their case, those of policies are not
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html).
func (s *Service) applyTags(tags map[string]string, more []awsquery.Tag, foldCase bool) (map[string]string, error) {
	joined := maps.Clone(tags)
	if joined == nil {
		joined = map[string]string{}
	}
	for i, tag := range more {
		for _, earlier := range more[:i] {
			if sameKey(earlier.Key, tag.Key, foldCase) {
				return nil, invalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
			}
		}
		maps.DeleteFunc(joined, func(key, _ string) bool { return sameKey(key, tag.Key, foldCase) })
		joined[tag.Key] = tag.Value
	}
	if len(joined) > s.quotas.TagsPerResource {
		return nil, limitExceeded("Cannot exceed quota for TagsPerResource: %d", s.quotas.TagsPerResource)
	}
	return joined, nil
}

func removeTags(tags map[string]string, keys []string, foldCase bool) map[string]string {
	left := maps.Clone(tags)
	for _, gone := range keys {
		maps.DeleteFunc(left, func(key, _ string) bool { return sameKey(key, gone, foldCase) })
	}
	return left
}

func sameKey(a, b string, foldCase bool) bool {
	return a == b || foldCase && strings.EqualFold(a, b)
}

// tagList returns tags in order of key.
func tagList(tags map[string]string) []awsquery.Tag {
	list := make([]awsquery.Tag, 0, len(tags))
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, awsquery.Tag{Key: key, Value: tags[key]})
	}
	return list
}

// tagKeys reads the keys of an Untag operation.
func (c *call) tagKeys() []string { return c.Texts("TagKeys", 50, awsquery.TagKey) }

type tagsResult struct {
	Tags awsquery.List[awsquery.Tag]
	pageEnd
}

func listTags(c *call, tags map[string]string) (any, error) {
	pg := readPage(c)
	if err := c.Err(); err != nil {
		return nil, err
	}
	list := collector[awsquery.Tag]{page: pg}
	for _, tag := range tagList(tags) {
		list.add(tag.Key, tag)
	}
	return tagsResult{Tags: awsquery.Of(list.items), pageEnd: list.end()}, nil
}
