package awscloud

import (
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/managedcas/managedcas/internal/cloud"
)

func lifecycleRule(rule types.LifecycleRule) (cloud.LifecycleRule, error) {
	text, err := withoutNulls(rule)
	if err != nil {
		return cloud.LifecycleRule{}, err
	}
	r := cloud.LifecycleRule{
		ID: aws.ToString(rule.ID), Enabled: rule.Status == types.ExpirationStatusEnabled, Text: text,
	}
	r.Prefix, r.Narrowed = scope(rule)
	if e := rule.Expiration; e != nil {
		r.Expires = e.Days != nil || e.Date != nil // else it is about delete markers alone
	}
	for _, transition := range rule.Transitions {
		r.Classes = append(r.Classes, string(transition.StorageClass))
	}
	if abort := rule.AbortIncompleteMultipartUpload; abort != nil {
		r.UploadDays = int(aws.ToInt32(abort.DaysAfterInitiation))
	}
	return r, nil
}

// scope returns the keys that a rule is about, and whether tags or sizes narrow them.
func scope(rule types.LifecycleRule) (prefix string, narrowed bool) {
	f := rule.Filter
	switch {
	case f == nil:
		//lint:ignore SA1019 rules made by older tools still use it
		return aws.ToString(rule.Prefix), false
	case f.And != nil:
		return aws.ToString(f.And.Prefix), true
	}
	return aws.ToString(f.Prefix), f.Tag != nil || f.ObjectSizeGreaterThan != nil || f.ObjectSizeLessThan != nil
}

// withoutNulls writes v in the members' names of the API, which the aws command line
// takes too, without those that are not set.
func withoutNulls(v any) (json.RawMessage, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		return nil, err
	}
	return json.Marshal(pruned(tree))
}

func pruned(tree any) any {
	switch t := tree.(type) {
	case map[string]any:
		for name, member := range t {
			if member == nil {
				delete(t, name)
			} else {
				t[name] = pruned(member)
			}
		}
	case []any:
		for i := range t {
			t[i] = pruned(t[i])
		}
	}
	return tree
}
