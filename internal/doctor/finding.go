package doctor

import (
	"encoding/json"
	"slices"
	"strings"
)

// Status is what came of a check.
type Status string

// The statuses, the worst first.
const (
	// Failed: something that the installation needs is wrong or missing.
	Failed Status = "failed"
	// Warning: it works, and is weaker, dearer or nearer to a limit than it should be.
	Warning Status = "warning"
	// Unseen: the identity that looked may not see it, or AWS did not answer. It says
	// nothing about what is there.
	Unseen Status = "unseen"
	// OK: it was looked at, and is right.
	OK Status = "ok"
)

// statuses has them all, the worst first.
var statuses = []Status{Failed, Warning, Unseen, OK}

// Worse reports whether s is worse than other.
func (s Status) Worse(other Status) bool {
	return slices.Index(statuses, s) < slices.Index(statuses, other)
}

// Finding is one thing that is wrong, with its cure. Every text is for an operator: it
// names what is in AWS, and holds no secret.
type Finding struct {
	// Code names the misconfiguration for scripts and for the catalogue in docs/doctor.md,
	// as in "bucket-policy-prefix". It never changes its meaning.
	Code        string `json:"code"`
	Status      Status `json:"status"` // Failed or Warning
	What        string `json:"what"`
	Evidence    string `json:"evidence"`    // what was read or answered
	Consequence string `json:"consequence"` // what does not work, or who can do what
	Fix         Fix    `json:"fix"`
}

// Fix is how a finding is cured.
type Fix struct {
	// Text says what to do, in a sentence.
	Text string `json:"text"`
	// Commands are shell commands that do it, complete as they stand and safe to repeat; none
	// where AWS cannot be told by a command.
	Commands []string `json:"commands,omitempty"`
	// Document is the policy as it should be, where there is one.
	Document json.RawMessage `json:"document,omitempty"`
}

// Result is one check and what came of it.
type Result struct {
	// Check is the name of the check, "bucket/public-access": the part of the guide, and
	// what is looked at.
	Check    string    `json:"check"`
	Title    string    `json:"title"` // what holds where all is well
	Status   Status    `json:"status"`
	Findings []Finding `json:"findings,omitempty"`
	// Detail says what was seen, or why nothing could be.
	Detail string `json:"detail,omitempty"`
}

// Report is an examination, in the order of the operator's guide.
type Report struct {
	Results []Result `json:"results"`
}

// Status is the worst of any check's; a report without any is Unseen.
func (r Report) Status() Status {
	worst := Unseen
	for i, result := range r.Results {
		if i == 0 || result.Status.Worse(worst) {
			worst = result.Status
		}
	}
	return worst
}

// Findings are those of all checks: what others follow from first, then in the order of the
// checks. That a key policy names somebody who is gone follows from a role that is gone.
func (r Report) Findings() []Finding {
	var roots, rest []Finding
	for _, result := range r.Results {
		for _, f := range result.Findings {
			if strings.HasSuffix(f.Code, "-missing") {
				roots = append(roots, f)
			} else {
				rest = append(rest, f)
			}
		}
	}
	return append(roots, rest...)
}
