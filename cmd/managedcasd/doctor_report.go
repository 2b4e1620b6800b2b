package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/managedcas/managedcas/internal/doctor"
)

// printDoctor prints a report: as it is, or for a person, who reads what is wrong first.
func printDoctor(w io.Writer, report doctor.Report, format string) error {
	if format == "json" {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false) // commands are to be pasted
		return encoder.Encode(report)
	}
	page := bufio.NewWriter(w)
	report = printable(report)
	for _, status := range []doctor.Status{doctor.Failed, doctor.Warning} {
		for _, finding := range report.Findings() {
			if finding.Status == status {
				printFinding(page, finding)
			}
		}
	}
	counts := map[doctor.Status]int{}
	for _, r := range report.Results {
		counts[r.Status]++
		printResult(page, r)
	}
	fmt.Fprintf(page, "\n%d checks: %d failed, %d with warnings, %d unseen, %d ok\n",
		len(report.Results), counts[doctor.Failed], counts[doctor.Warning], counts[doctor.Unseen], counts[doctor.OK])
	return page.Flush()
}

// printFinding prints commands at the beginning of their lines: they are pasted as they are.
func printFinding(w io.Writer, f doctor.Finding) {
	fmt.Fprintf(w, "%s: %s  [%s]\n", strings.ToUpper(string(f.Status)), f.What, f.Code)
	for _, part := range []struct{ name, text string }{
		{"evidence", f.Evidence}, {"consequence", f.Consequence}, {"fix", f.Fix.Text},
	} {
		if part.text != "" {
			fmt.Fprintf(w, "  %-12s %s\n", part.name+":", part.text)
		}
	}
	for _, command := range f.Fix.Commands {
		fmt.Fprintln(w, command)
	}
	fmt.Fprintln(w)
}

// longest is how much of a detail a line has room for, in characters; JSON has all of it. What
// we say ourselves is shorter: there are commands in it.
const longest = 240

// denial is AWS's answer to who may not read something; whoever asks is named once, above.
var denial = regexp.MustCompile(`AccessDenied(?:Exception)?: User: \S+ is not authorized to perform: (\S+) .*`)

func printResult(w io.Writer, r doctor.Result) {
	fmt.Fprintf(w, "%-8s %s", r.Status, r.Title)
	if detail := []rune(denial.ReplaceAllString(oneLine(r.Detail), "this identity may not use $1")); len(detail) > longest {
		fmt.Fprintf(w, " (%s…)", string(detail[:longest]))
	} else if len(detail) > 0 {
		fmt.Fprintf(w, " (%s)", string(detail))
	}
	fmt.Fprintln(w)
}

// printable is a report in which what was read from AWS does nothing to a terminal: it begins
// no line, where commands stand, and has no control characters.
func printable(report doctor.Report) doctor.Report {
	results := slices.Clone(report.Results)
	for i := range results {
		results[i].Detail = harmless(oneLine(results[i].Detail))
		results[i].Findings = slices.Clone(results[i].Findings)
		for j := range results[i].Findings {
			f := &results[i].Findings[j]
			for _, text := range []*string{&f.What, &f.Evidence, &f.Consequence, &f.Fix.Text} {
				*text = harmless(*text)
			}
			f.Fix.Commands = slices.Clone(f.Fix.Commands)
			for k := range f.Fix.Commands {
				f.Fix.Commands[k] = harmless(f.Fix.Commands[k])
			}
		}
	}
	return doctor.Report{Results: results}
}

// harmless replaces what is not to be seen, a line's end included.
func harmless(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// slow is how long nothing is said of what is being done.
const slow = time.Second

// progress says what is being done when that takes long.
type progress struct {
	w     io.Writer
	mu    sync.Mutex
	timer *time.Timer
}

func newProgress(w io.Writer) *progress { return &progress{w: w} }

// begin ends what was being done before.
func (p *progress) begin(what string) {
	p.done()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer = time.AfterFunc(slow, func() { fmt.Fprintf(p.w, "%s …\n", what) })
}

func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
	}
}
