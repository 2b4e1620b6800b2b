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
	Effect    string
	Principal map[string]string         `json:",omitempty"`
	Action    []string                  `json:",omitempty"`
	Resource  []string                  `json:",omitempty"`
	Condition map[string]map[string]any `json:",omitempty"`
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

// trust lets principal assume a role with tags.
func trust(principal string) statement {
	return statement{
		Effect: "Allow", Principal: map[string]string{"AWS": principal},
		Action: []string{"sts:AssumeRole", "sts:TagSession"},
	}
}
