package stsapi

import (
	"maps"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/awsquery"
)

// inheritance is what a chained session gets from the session that asks for it
// (facts AWS §4.3).
type inheritance struct {
	tags           map[string]string // transitive tags
	sourceIdentity string            // inherited, or else passed
}

func (in inheritance) keys() []string { return slices.Sorted(maps.Keys(in.tags)) }

// inherit refuses to override what is inherited.
func inherit(caller *api.Caller, a assumption) (inheritance, error) {
	in := inheritance{tags: map[string]string{}, sourceIdentity: a.sourceIdentity}
	for key, value := range caller.SessionTags {
		isKey := func(transitive string) bool { return strings.EqualFold(transitive, key) }
		if !slices.ContainsFunc(caller.TransitiveKeys, isKey) {
			continue
		}
		if holdsKey(a.tags, key) {
			return in, invalidParameter(
				"One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
		}
		in.tags[key] = value
	}
	if caller.SourceIdentity != "" {
		if a.sourceIdentity != "" && a.sourceIdentity != caller.SourceIdentity {
			return in, awsquery.ValidationError("The source identity is already set for this assume role session")
		}
		in.sourceIdentity = caller.SourceIdentity
	}
	return in, nil
}
