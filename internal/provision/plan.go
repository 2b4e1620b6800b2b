package provision

import (
	"context"
	"encoding/json"
)

// Plan is what AWS has of an installation, and what is missing.
type Plan struct {
	// Adopted is what exists and is used as it is, but for the steps: "bucket artifacts".
	Adopted []string `json:"adopted"`
	// Kept are statements of others in policies of the installation: they stay.
	Kept []Kept `json:"kept,omitempty"`
	// Notes are for whoever decides whether to apply the plan.
	Notes []string `json:"notes,omitempty"`
	Steps []Step   `json:"steps"`
}

// Step is one thing that is missing or different. It prints as what will be done.
type Step struct {
	Does string `json:"does"`
	// Removes and Adds are the statements that a policy loses and gets.
	Removes []json.RawMessage `json:"removes,omitempty"`
	Adds    []json.RawMessage `json:"adds,omitempty"`

	do func(ctx context.Context) error
}

func (s Step) String() string { return s.Does }

// Kept is a statement that somebody else has put into a policy of the installation.
type Kept struct {
	Where     string          `json:"where"` // "the policy of bucket artifacts"
	Statement json.RawMessage `json:"statement"`
}

func (plan *Plan) add(does string, do func(ctx context.Context) error) {
	plan.Steps = append(plan.Steps, Step{Does: does, do: do})
}

func (plan *Plan) adopt(what string) { plan.Adopted = append(plan.Adopted, what) }
