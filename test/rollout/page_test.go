package rollout

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The pages for operators. Their code blocks say what they are for behind their language:
//
//	file=NAME      the reader saves it under this name
//	run            the reader types it, as an administrator
//	pod-identity   the same, where that is how pods get their identity; irsa alike
//	backend        the same, with the credentials of the backend
//	denied         the same, and is denied
//	provision      instead of sections 1 to 4
//	symptom        what is shown, and logged, when something is wrong
//	fix            what helps then
//	cluster        it takes a cluster
const (
	guidePage   = "../../docs/guide.md"
	runbookPage = "../../docs/runbook.md"
)

// block is a code block of a page.
type block struct {
	section, language, purpose, text string
}

var (
	fence   = regexp.MustCompile("(?ms)^```(\\w+) ?(\\S*)\n(.*?)^```$|^## ([^\n]+)$")
	purpose = regexp.MustCompile(`^(file=[\w.-]+|run|pod-identity|irsa|backend|denied|provision|symptom|fix|cluster)$`)
)

// blocks reads the code blocks of a page. One without a purpose would be a command that nobody
// tries out.
func blocks(t *testing.T, page string) []block {
	t.Helper()
	var found []block
	var section string
	for _, m := range fence.FindAllStringSubmatch(read(t, page), -1) {
		if m[4] != "" {
			section = m[4]
			continue
		}
		if !purpose.MatchString(m[2]) {
			t.Errorf("a block under %q is for %q, which is nothing that is known here:\n%s", section, m[2], m[3])
		}
		found = append(found, block{section, m[1], m[2], m[3]})
	}
	if len(found) < 5 {
		t.Fatalf("%s has only %d blocks", page, len(found))
	}
	return found
}

// files are what the reader saves, by name.
func files(all []block) map[string]string {
	found := map[string]string{}
	for _, b := range all {
		if name, isFile := strings.CutPrefix(b.purpose, "file="); isFile {
			found[name] = b.text
		}
	}
	return found
}

// between returns the blocks from a section up to another one, which is not among them.
func between(t *testing.T, all []block, from, to string) []block {
	t.Helper()
	is := func(title string) func(block) bool {
		return func(b block) bool { return strings.HasPrefix(b.section, title) }
	}
	begin, end := slices.IndexFunc(all, is(from)), slices.IndexFunc(all, is(to))
	if begin < 0 || end <= begin {
		t.Fatalf("there is no block under %q, or none later under %q", from, to)
	}
	return all[begin:end]
}
