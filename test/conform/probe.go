package conform

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// Answer is what an endpoint was seen to do where AWS's documentation says nothing.
type Answer struct {
	ID       string // of the question in facts AWS §13
	Question string
	Embedded string // what the embedded AWS does, and why its reading is the strict one or the documented one
	Observed string
}

// probe is a question that only an AWS account can answer.
type probe struct {
	id, question, embedded string
	ask                    func(*testing.T, Target) string
}

// probes are the open questions of facts AWS §13 in its order. Rates and the time that
// changes take (P11, P13) are told by how often had to be asked, as a load test does
// not belong on somebody's account.
func probes() []probe {
	var all []probe
	for _, topic := range [][]probe{contextProbes(), sessionPolicyProbes(), selfProtectionProbes(), existenceProbes(), encryptionContextProbes(), messageProbes(), packingProbes(), trustProbes(), propagationProbes()} {
		all = append(all, topic...)
	}
	return all
}

// Probe asks target every open question and writes a table of the answers to out. What
// it makes has random names and is removed.
func Probe(t *testing.T, target Target, out io.Writer) []Answer {
	t.Helper()
	all := probes()
	answers := make([]Answer, len(all))
	t.Run("questions", func(t *testing.T) {
		for i, p := range all {
			answers[i] = Answer{ID: p.id, Question: p.question, Embedded: p.embedded, Observed: "not answered: the test failed"}
			t.Run(p.id+" "+p.question, func(t *testing.T) {
				t.Parallel()
				answers[i].Observed = p.ask(t, target)
			})
		}
	})
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "\tquestion\tobserved\tembedded AWS")
	for _, a := range answers {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", a.ID, a.Question, a.Observed, a.Embedded)
	}
	if err := w.Flush(); err != nil {
		t.Error(err)
	}
	return answers
}

const (
	allowedAnswer = "allowed"
	deniedAnswer  = "AccessDenied 403"
)

// observe asks until the answer has not changed for a sixth of the target's patience, or
// all of it is over: on AWS the first answers may be those of the time before. It
// returns the answer in words.
func (target Target) observe(t *testing.T, ask func() error) string {
	t.Helper()
	const pause = 2 * time.Second
	start := time.Now()
	last, since := inWords(ask()), start
	for time.Since(since) < target.Patience/6 && time.Since(start) < target.Patience {
		select {
		case <-time.After(pause):
		case <-t.Context().Done():
			return last
		}
		if now := inWords(ask()); now != last {
			last, since = now, time.Now()
		}
	}
	return last
}

// inWords is an answer without anything that differs from run to run.
func inWords(err error) string {
	code, status := answer(err)
	if err == nil {
		return allowedAnswer
	}
	return fmt.Sprintf("%s %d", code, status)
}

// attempts tells at which attempt ask succeeded, within the target's patience.
func (target Target) attempts(t *testing.T, ask func() error) string {
	t.Helper()
	n, start := 0, time.Now()
	err := target.eventually(t, func() error { n++; return ask() })
	switch {
	case err != nil:
		return fmt.Sprintf("not within %s: %s", target.Patience, inWords(err))
	case n == 1:
		return "at the first attempt"
	}
	return fmt.Sprintf("at attempt %d, after %s", n, time.Since(start).Round(time.Second))
}

// neutral replaces the names of one run by what they are names of.
func neutral(text string, names ...string) string { return strings.NewReplacer(names...).Replace(text) }
