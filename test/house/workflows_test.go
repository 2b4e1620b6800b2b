package house

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// What others wrote runs in workflows by its commit, for whoever owns a tag can move it, and
// with it what a release is made by.
func TestActionsArePinnedToCommits(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../.github/workflows/*.y*ml")
	if err != nil || len(files) == 0 {
		t.Fatal("no workflows", err)
	}
	uses := regexp.MustCompile(`(?m)^\s*(?:- )?uses:\s*(.*)$`)
	pinned := regexp.MustCompile(`^[\w./-]+@[0-9a-f]{40} # v\d+`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range uses.FindAllStringSubmatch(string(text), -1) {
			if !pinned.MatchString(m[1]) {
				t.Errorf("%s: %s: name the commit, and its version behind it", file, m[1])
			}
		}
	}
}
