package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/managedcas/managedcas/internal/provision"
)

// speaker prints for people as things happen, or one JSON value at the end.
type speaker struct {
	out  io.Writer
	json bool
}

func (s speaker) line(format string, args ...any) {
	if !s.json {
		fmt.Fprintf(s.out, format+"\n", args...)
	}
}

// value prints the JSON value.
func (s speaker) value(v any) error {
	if !s.json {
		return nil
	}
	encoder := json.NewEncoder(s.out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// plan prints what a plan is about, but for its steps.
func (s speaker) plan(plan provision.Plan) {
	for _, what := range plan.Adopted {
		s.line("adopted: %s", what)
	}
	for _, k := range plan.Kept {
		s.line("kept: %s in %s, a Deny that is not provision's; --replace-policy drops it", k.Statement, k.Where)
	}
	for _, note := range plan.Notes {
		s.line("note: %s", note)
	}
	if len(plan.Steps) == 0 {
		s.line("nothing to do")
	}
}

// step prints a numbered step, with what a policy loses and gets.
func (s speaker) step(n int, step provision.Step) {
	s.line("%d. %s", n, step)
	for _, statement := range step.Removes {
		s.line("   - %s", statement)
	}
	for _, statement := range step.Adds {
		s.line("   + %s", statement)
	}
}

func (s speaker) steps(steps []provision.Step) {
	for i, step := range steps {
		s.step(i+1, step)
	}
}

// notDone prints what is left of a plan of which done steps are done.
func (s speaker) notDone(steps []provision.Step, done int) {
	for i, step := range steps[done:] {
		s.line("not done: %d. %s", done+i+1, step)
	}
	s.line("What was done before stays; run it again for the rest.")
}
