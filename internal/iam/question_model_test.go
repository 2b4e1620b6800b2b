package iam_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/iam"
)

// worldQuestion is a random world as a question, with its policies as they are
// written, some of them inside strings.
type worldQuestion struct {
	ID             int                 `json:"id"`
	Principal      string              `json:"principal"`
	Action         string              `json:"action"`
	Resource       string              `json:"resource"`
	Account        string              `json:"account,omitempty"`
	Context        map[string][]string `json:"context,omitempty"`
	Identity       []any               `json:"identity,omitempty"`
	Boundary       []any               `json:"boundary,omitempty"`
	Session        []any               `json:"session"` // null: none was passed
	ResourcePolicy any                 `json:"resourcePolicy,omitempty"`
}

// TestQuestionsAgree: a stream of questions about few policies, so that most come from
// the cache, has the answers of Evaluate, in order.
func TestQuestionsAgree(t *testing.T) {
	t.Parallel()
	u := newUniverse(t, 0)
	var sets []iam.PolicySet
	for len(sets) < 50 {
		if set := u.set(); parses(t, set) {
			set.Endpoint = nil // has no place in a question
			sets = append(sets, set)
		}
	}
	const questions = 3_000
	var lines bytes.Buffer
	var want []iam.Result
	enc := json.NewEncoder(&lines)
	for i := range questions {
		req, set := u.request(), sets[u.IntN(len(sets))]
		req.PrincipalRole = ""
		delete(req.Context, "aws:principalarn") // would be asked for the role's path
		set.RequireResource = strings.HasPrefix(req.Action, "kms:") || req.Action == "sts:AssumeRole"
		q := worldQuestion{
			ID: i, Principal: req.Principal, Action: req.Action, Resource: req.Resource, Account: req.Account, Context: req.Context,
			Identity: u.texts(t, set.Identity), Boundary: u.texts(t, set.Boundary), Session: u.texts(t, set.Session),
		}
		if set.SessionPassed && q.Session == nil {
			q.Session = []any{}
		}
		if set.Resource != nil {
			q.ResourcePolicy = u.text(t, set.Resource.Document)
		}
		if err := enc.Encode(q); err != nil {
			t.Fatal(err)
		}
		want = append(want, iam.Evaluate(req, set).Result)
	}
	answers := ask(t, lines.String())
	if len(answers) != questions {
		t.Fatalf("%d answers to %d questions", len(answers), questions)
	}
	for i, a := range answers {
		if a.ID != float64(i) || a.Result != want[i] {
			t.Fatalf("answer %d is %v %s, want %s: %+v\n%s", i, a.ID, a.Result, want[i], a.Because, bytes.Split(lines.Bytes(), []byte("\n"))[i])
		}
	}
}

// parses reports whether all documents of a set are ones that Parse reads.
func parses(t *testing.T, set iam.PolicySet) bool {
	t.Helper()
	read := func(kind iam.Kind, list ...iam.Policy) bool {
		for _, p := range list {
			text, err := p.Document.MarshalJSON()
			if err != nil {
				return false // one operator tests one key twice
			}
			if _, err := iam.Parse(kind, text); err != nil {
				return false
			}
		}
		return true
	}
	return read(iam.KindIdentity, set.Identity...) && read(iam.KindIdentity, set.Boundary...) && read(iam.KindSession, set.Session...) &&
		(set.Resource == nil || read(iam.KindResource, *set.Resource))
}

func (u universe) texts(t *testing.T, list []iam.Policy) []any {
	t.Helper()
	var all []any
	for _, p := range list {
		all = append(all, u.text(t, p.Document))
	}
	return all
}

func (u universe) text(t *testing.T, doc *iam.Document) any {
	t.Helper()
	text, err := doc.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if u.chance(20) {
		return string(text)
	}
	return json.RawMessage(text)
}
