package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/iam"
)

func TestEverythingIsAsItShouldBe(t *testing.T) {
	t.Parallel()
	bin, tools := t.TempDir(), t.TempDir()
	build(t, "../..", bin, "./cmd/...")
	build(t, "../../tools", tools, "github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod")

	var out bytes.Buffer
	if err := run(t.Context(), newPrinter(&out), bin, tools, false); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, c := range chapters {
		if !strings.Contains(out.String(), c.title) {
			t.Errorf("no chapter %q in:\n%s", c.title, &out)
		}
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("a log has control sequences of a terminal")
	}
}

func build(t *testing.T, dir, target, pattern string) {
	t.Helper()
	cmd := exec.Command("go", "build", "-trimpath", "-o", target+string(filepath.Separator), pattern)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", pattern, err, out)
	}
}

func TestFailureSaysWhatToDo(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), newPrinter(&out), t.TempDir(), t.TempDir(), false); err == nil {
		t.Error("no error without programs")
	}
	if got := out.String(); !strings.Contains(got, "FAILED") || !strings.Contains(got, "make build") {
		t.Errorf("it does not say what failed and what to do:\n%s", got)
	}
}

// What is expected of an attempt is not met by just any denial.
func TestAttemptExplains(t *testing.T) {
	t.Parallel()
	denied := iam.Reason{Layer: iam.LayerResource, Statement: 2, Sid: "EverybodyElseOut", Effect: iam.Deny}
	lacking := iam.Reason{Layer: iam.LayerSession, Statement: -1}
	for _, row := range []struct {
		name    string
		attempt attempt
		because []iam.Reason
		want    bool
	}{
		{"the statement denies", attempt{sid: "EverybodyElseOut"}, []iam.Reason{denied}, true},
		{"another statement denies", attempt{sid: "NoListing"}, []iam.Reason{denied}, false},
		{"nothing allows, a statement was expected", attempt{sid: "EverybodyElseOut"}, []iam.Reason{lacking}, false},
		{"nothing allows", attempt{layer: iam.LayerSession}, []iam.Reason{lacking}, true},
		{"another layer does not allow", attempt{layer: iam.LayerResource}, []iam.Reason{lacking}, false},
		{"a statement denies, nothing was expected to allow", attempt{layer: iam.LayerResource}, []iam.Reason{denied}, false},
		{"no reason", attempt{sid: "EverybodyElseOut"}, nil, false},
	} {
		if got := row.attempt.explains(row.because); got != row.want {
			t.Errorf("%s: %v, want %v", row.name, got, row.want)
		}
	}
}

func TestWrapBreaksBetweenWords(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", width+5)
	for _, row := range []struct{ in, want string }{
		{"", ""},
		{"one two", "one two"},
		{long, long},
		{"a " + long + " b", "a\n" + long + "\nb"},
		{strings.Repeat("y", width-2) + " …", strings.Repeat("y", width-2) + " …"},
	} {
		if diff := cmp.Diff(row.want, newPrinter(&bytes.Buffer{}).wrap(row.in)); diff != "" {
			t.Errorf("wrap(%q): %s", row.in, diff)
		}
	}
}
