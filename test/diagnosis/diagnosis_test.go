// Package diagnosis makes every mistake that the doctor knows, with the aws CLI in an
// embedded account, and wants the doctor to name it, to give a cure that works as it stands,
// and to find nothing afterwards.
package diagnosis

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/doctor"
	"github.com/managedcas/managedcas/test/process"
	"github.com/managedcas/managedcas/test/sources"
)

// programs is where TestMain has built managedcas and managedcasd.
var programs string

func TestMain(m *testing.M) { os.Exit(process.Main(m, &programs)) }

// row is one mistake.
type row struct {
	code string
	as   string // who runs the doctor: administrator, backend, controlplane or cas
	// mistake are lines of a shell, run by an administrator. In place of them, or with
	// them, files may be written, with what they have in them.
	mistake []string
	files   func(*site) map[string]string
	// also are findings that come with it.
	also []string
	// undone are lines that stand for what an operator does where no command can: beyond
	// AWS, or where the fix needs a decision. Empty: the commands of the finding.
	undone []string
	// do is what no shell can do.
	do func(*testing.T, *site)
	// environment is what the doctor has in place of as's; args are more flags.
	environment func(*testing.T, *site) []string
	args        []string
	// more are lines of backend.managedCas.
	more []string
	// always: the row is part of the short table.
	always bool
}

func (r row) name() string { return r.code + "/" + r.as }

func TestMistakes(t *testing.T) {
	t.Parallel()
	sources.Note(t)
	for i, r := range rows() {
		if i%every != 0 && !r.always {
			continue
		}
		t.Run(fmt.Sprintf("%d/%s", i, r.name()), func(t *testing.T) {
			t.Parallel()
			r.try(t)
		})
	}
}

func (r row) try(t *testing.T) {
	s := newSite(t, r.more...)
	environment := s.as(t, r.as)
	if r.environment != nil {
		environment = r.environment(t, s)
	}
	if r.do != nil {
		r.do(t, s)
	}
	if r.files != nil {
		for name, text := range r.files(s) {
			must(t, os.WriteFile(s.dir+"/"+name, []byte(text), 0o600))
		}
	}
	if len(r.mistake) > 0 {
		s.sh(t, r.mistake...)
	}
	report, code := s.doctor(t, environment, r.args...)
	findings := report.Findings()
	if len(findings) == 0 || findings[0].Code != r.code {
		t.Fatalf("found %s, want %s\n%s", codes(findings), r.code, described(report))
	}
	first := findings[0]
	if want := map[doctor.Status]int{doctor.Failed: 3, doctor.Warning: 0}[report.Status()]; code != want {
		t.Errorf("exit code %d, want %d for %s", code, want, report.Status())
	}
	if codes(findings[1:]) != "["+strings.Join(r.also, " ")+"]" {
		t.Errorf("one mistake, and found %s\n%s", codes(findings), described(report))
	}
	cure := first.Fix.Commands
	if r.undone != nil {
		cure = r.undone
	}
	if len(cure) == 0 {
		t.Fatalf("%s has no command", first.Code)
	}
	s.sh(t, cure...)
	for _, who := range []string{r.as, "administrator"} {
		if report, code := s.doctor(t, s.as(t, who)); code != 0 || len(report.Findings()) > 0 {
			t.Errorf("after\n%s\n%s finds %s\n%s", strings.Join(cure, "\n"), who, codes(report.Findings()), described(report))
		}
	}
	if plan := s.must(t, s.administrator(), "managedcasd", "provision", "--config", s.config, "--plan"); !strings.Contains(plan, "nothing to do") {
		t.Errorf("after\n%s\nprovision would\n%s", strings.Join(cure, "\n"), plan)
	}
}

func codes(findings []doctor.Finding) string {
	var all []string
	for _, f := range findings {
		all = append(all, f.Code)
	}
	return "[" + strings.Join(all, " ") + "]"
}

// described is what a report says beside what is right.
func described(report doctor.Report) string {
	var text strings.Builder
	for _, r := range report.Results {
		if r.Status == doctor.OK {
			continue
		}
		fmt.Fprintf(&text, "%s %s: %s\n", r.Status, r.Check, r.Detail)
		for _, f := range r.Findings {
			fmt.Fprintf(&text, "  %s: %s; %s\n", f.Code, f.What, f.Evidence)
		}
	}
	return text.String()
}
