package secretsapi

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/emulator/pagetoken"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// maxPage is the most entries of a page, and the default.
const maxPage = 100

// pageInput asks for a part of a list, after what the token of the last part says.
type pageInput struct {
	MaxResults *int
	NextToken  string
}

func (p pageInput) read() (limit int, after string, err error) {
	limit = maxPage
	if p.MaxResults != nil {
		limit = *p.MaxResults
	}
	if limit < 1 || limit > maxPage {
		return 0, "", invalidParameter("MaxResults must be from 1 to %d", maxPage)
	}
	if p.NextToken == "" {
		return limit, "", nil
	}
	after, ok := pagetoken.Read("secretsmanager", p.NextToken)
	if !ok {
		return 0, "", failure("InvalidNextTokenException", "NextToken is not one of an earlier answer")
	}
	return limit, after, nil
}

func nextToken(last string) string { return pagetoken.Make("secretsmanager", last) }

type listInput struct {
	pageInput
	IncludePlannedDeletion bool
	Filters                []filter
}

type listOutput struct {
	SecretList []listEntry
	NextToken  string `json:",omitempty"`
}

type listEntry struct {
	description
	SecretVersionsToStages map[string][]string `json:",omitempty"`
}

// listSecrets lists by name.
func (s *Service) listSecrets(ctx context.Context, caller *api.Caller, in listInput) (listOutput, error) {
	out := listOutput{SecretList: []listEntry{}}
	limit, after, err := in.read()
	if err != nil {
		return out, err
	}
	for _, f := range in.Filters {
		if err := f.check(); err != nil {
			return out, err
		}
	}
	if err := s.authorize(ctx, caller, gate.Check{Action: "secretsmanager:ListSecrets", Resource: "*", Account: s.cfg.AccountID}); err != nil {
		return out, err
	}
	err = s.cfg.DB.View(func(tx state.Tx) error {
		return secrets.Scan(tx, after, func(name string, found secret) (bool, error) {
			_, gone := alive(found, nil)
			if name == after || gone != nil || !found.Deleted.IsZero() && !in.IncludePlannedDeletion || !matchAll(in.Filters, &found) {
				return true, nil
			}
			if len(out.SecretList) == limit {
				out.NextToken = nextToken(out.SecretList[limit-1].Name)
				return false, nil
			}
			out.SecretList = append(out.SecretList, listEntry{describe(found), found.labelled()})
			return true, nil
		})
	})
	return out, err
}

// filter selects the secrets of which a property begins with one of the values, or with
// "!" before a value does not
// (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_Filter.html).
type filter struct {
	Key    string
	Values []string
}

func (f filter) check() error {
	switch f.Key {
	case "name", "description", "tag-key", "tag-value":
	default:
		return api.NotImplemented("secretsmanager", "ListSecrets with the filter "+f.Key)
	}
	if len(f.Values) < 1 || len(f.Values) > 10 {
		return invalidParameter("a filter has 1 to 10 values")
	}
	return nil
}

func matchAll(filters []filter, s *secret) bool {
	return !slices.ContainsFunc(filters, func(f filter) bool { return !f.matches(s) })
}

func (f filter) matches(s *secret) bool {
	var properties []string
	switch f.Key {
	case "name":
		properties = []string{s.Name}
	case "description": // alone without regard to case
		properties = []string{strings.ToLower(s.Description)}
	case "tag-key":
		properties = slices.Collect(maps.Keys(s.Tags))
	case "tag-value":
		properties = slices.Collect(maps.Values(s.Tags))
	}
	return slices.ContainsFunc(f.Values, func(value string) bool {
		prefix, negated := strings.CutPrefix(value, "!")
		if f.Key == "description" {
			prefix = strings.ToLower(prefix)
		}
		begins := slices.ContainsFunc(properties, func(p string) bool { return strings.HasPrefix(p, prefix) })
		return begins != negated
	})
}
