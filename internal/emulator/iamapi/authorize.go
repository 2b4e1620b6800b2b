package iamapi

import (
	"context"
	"maps"
	"slices"

	"github.com/managedcas/managedcas/internal/emulator/awsquery"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/iam"
)

// anything is the resource of actions that have no resource type.
const anything = "*"

// authorize asks whether the caller may do the operation on a resource.
func (s *Service) authorize(ctx context.Context, c *call, resource string, keys ...iam.Context) error {
	return s.authorizeActions(ctx, c, resource, []string{c.req.Operation}, keys...)
}

// authorizeActions asks for several actions that one operation needs.
func (s *Service) authorizeActions(ctx context.Context, c *call, resource string, actions []string, keys ...iam.Context) error {
	c.req.Resource = resource
	joined := iam.Context{}
	for _, k := range keys {
		maps.Copy(joined, k)
	}
	checks := make([]gate.Check, len(actions))
	for i, action := range actions {
		checks[i] = gate.Check{
			Action:   "iam:" + action,
			Resource: resource,
			Account:  s.dir.AccountID(),
			Context:  joined,
		}
	}
	return s.gate.Authorize(ctx, c.req.Caller, checks...)
}

// requestTags are the condition keys about tags in the request.
func requestTags(tags []awsquery.Tag) iam.Context {
	keys := iam.Context{}
	names := make([]string, len(tags))
	for i, tag := range tags {
		keys.Add("aws:RequestTag/"+tag.Key, tag.Value)
		names[i] = tag.Key
	}
	keys.Set("aws:TagKeys", names...)
	return keys
}

// resourceTags are the condition keys about the tags that the resource has.
func resourceTags(tags map[string]string) iam.Context {
	keys := iam.Context{}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		keys.Add("aws:ResourceTag/"+key, tags[key])
		keys.Add("iam:ResourceTag/"+key, tags[key])
	}
	return keys
}

// about is one condition key; none when the value is empty.
func about(key, value string) iam.Context {
	keys := iam.Context{}
	if value != "" {
		keys.Set(key, value)
	}
	return keys
}

// createActions are the actions that a creation needs: tagging at creation is the
// tagging action too
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags_roles.html).
func createActions(create, tag string, tags []awsquery.Tag) []string {
	if len(tags) == 0 {
		return []string{create}
	}
	return []string{create, tag}
}

// tagKeysOnly are the condition keys of a request that removes tags.
func tagKeysOnly(tagKeys []string) iam.Context {
	keys := iam.Context{}
	keys.Set("aws:TagKeys", tagKeys...)
	return keys
}
