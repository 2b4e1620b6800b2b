package conform

import (
	"encoding/json"
	"testing"
)

// policy is a policy document to send.
type policy struct {
	Version   string
	Statement []statement
}

type statement struct {
	Effect      string
	Principal   map[string]string         `json:",omitempty"`
	Action      []string                  `json:",omitempty"`
	Resource    []string                  `json:",omitempty"`
	NotResource []string                  `json:",omitempty"`
	Condition   map[string]map[string]any `json:",omitempty"`
}

func document(t *testing.T, statements ...statement) *string {
	t.Helper()
	text, err := json.Marshal(policy{Version: "2012-10-17", Statement: statements})
	if err != nil {
		t.Fatal(err)
	}
	s := string(text)
	return &s
}

// allow is an Allow of an identity or session policy.
func allow(resource string, actions ...string) statement {
	return statement{Effect: "Allow", Action: actions, Resource: []string{resource}}
}

// deny is the opposite.
func deny(resource string, actions ...string) statement {
	return statement{Effect: "Deny", Action: actions, Resource: []string{resource}}
}

// and adds resources.
func (s statement) and(resources ...string) statement {
	s.Resource = append(s.Resource[:len(s.Resource):len(s.Resource)], resources...)
	return s
}

// to names the principal of a resource policy.
func (s statement) to(principal string) statement {
	s.Principal = map[string]string{"AWS": principal}
	return s
}

// when sets the only condition.
func (s statement) when(operator, key string, value any) statement {
	s.Condition = map[string]map[string]any{operator: {key: value}}
	return s
}

// trust lets principal assume a role with tags.
func trust(principal string) statement {
	return statement{Effect: "Allow", Action: []string{"sts:AssumeRole", "sts:TagSession"}}.to(principal)
}

// delegation lets a bucket's access points of the account decide (facts AWS §2.1).
func delegation(bucket, account string, actions ...string) statement {
	return allow("arn:aws:s3:::"+bucket, actions...).and("arn:aws:s3:::"+bucket+"/*").to("*").
		when("StringEquals", "s3:DataAccessPointAccount", account)
}
