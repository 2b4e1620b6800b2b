package house

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The threat model and the architecture name the tests that hold their claims. A name
// without a test is a claim without evidence.
func TestDocumentsNameRealTests(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	definition := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	for _, s := range sources(t) {
		if s.test {
			for _, match := range definition.FindAllStringSubmatch(s.text, -1) {
				known[match[1]] = true
			}
		}
	}
	mention := regexp.MustCompile("`(Test\\w+)`")
	// "story `a`" and "stories `a`, `b`".
	story := regexp.MustCompile("stor(?:y|ies) ((?:`[a-z0-9-]+`(?:, )?)+)")
	for _, file := range []string{"docs/threat-model.md", "ARCHITECTURE.md"} {
		text, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range mention.FindAllStringSubmatch(string(text), -1) {
			if !known[match[1]] {
				t.Errorf("%s names %s, which does not exist", file, match[1])
			}
		}
		for _, match := range story.FindAllStringSubmatch(string(text), -1) {
			for _, name := range strings.FieldsFunc(match[1], func(r rune) bool { return strings.ContainsRune("`, ", r) }) {
				if _, err := os.Stat("../story/" + name + ".txtar"); err != nil {
					t.Errorf("%s names story %s, which does not exist", file, name)
				}
			}
		}
	}
}
