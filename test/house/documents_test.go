package house

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Documents name the tests that hold their claims. A name without a test is a claim
// without evidence.
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
	for file, text := range documents(t) {
		for _, match := range mention.FindAllStringSubmatch(text, -1) {
			if !known[match[1]] {
				t.Errorf("%s names %s, which does not exist", file, match[1])
			}
		}
		for _, match := range story.FindAllStringSubmatch(text, -1) {
			for _, name := range strings.FieldsFunc(match[1], func(r rune) bool { return strings.ContainsRune("`, ", r) }) {
				if _, err := os.Stat("../story/" + name + ".txtar"); err != nil {
					t.Errorf("%s names story %s, which does not exist", file, name)
				}
			}
		}
	}
}

// A metric that a document or an alert names is one that the code has, by its whole name
// or by that without the namespace.
func TestDocumentsNameRealMetrics(t *testing.T) {
	t.Parallel()
	var code strings.Builder
	for _, s := range sources(t) {
		if !s.test {
			code.WriteString(s.text)
		}
	}
	metric := regexp.MustCompile(`managedcas_([a-z]+_)([a-z_]*)(?:\{([a-z_,]+)\}(_[a-z_]+)?)?`)
	n := 0
	for file, text := range documents(t) {
		for _, match := range metric.FindAllStringSubmatch(text, -1) {
			// "queue_{depth,age_seconds}" and "catalogue_{late,dropped}_total" are two each;
			// the braces of "drift_repaired_total{kind}" hold a label.
			names := []string{match[1] + match[2]}
			if strings.HasSuffix(names[0], "_") {
				names = nil
				for each := range strings.SplitSeq(match[3], ",") {
					names = append(names, match[1]+match[2]+each+match[4])
				}
			}
			for _, name := range names {
				n++
				if !hasMetric(code.String(), name) {
					t.Errorf("%s names managedcas_%s, which does not exist", file, name)
				}
			}
		}
	}
	if n < 50 {
		t.Errorf("only %d metrics are named: is the pattern right?", n)
	}
}

// hasMetric finds a name as one string, or as parts: a subsystem before it, or "_total"
// behind it, which whole groups of metrics have.
func hasMetric(code, name string) bool {
	group, rest, _ := strings.Cut(name, "_")
	for _, text := range []string{"managedcas_" + name, name} {
		if strings.Contains(code, strconv.Quote(text)) {
			return true
		}
	}
	short := strings.TrimSuffix(rest, "_total")
	for _, prefix := range []string{group, group + "_"} {
		if strings.Contains(code, strconv.Quote(prefix)) && (strings.Contains(code, strconv.Quote(rest)) || strings.Contains(code, strconv.Quote(short))) {
			return true
		}
	}
	return false
}

// What a document links to is there.
func TestDocumentsLinkToFiles(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`)
	for file, text := range documents(t) {
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(match[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join("../..", filepath.Dir(file), filepath.FromSlash(match[1]))); err != nil {
				t.Errorf("%s links to %s: %v", file, match[1], err)
			}
		}
	}
}

// The map of the house is two pages.
func TestTheArchitectureIsShort(t *testing.T) {
	t.Parallel()
	const bound = 110 // lines, of which tables have long ones
	if n := strings.Count(documents(t)["ARCHITECTURE.md"], "\n"); n == 0 || n > bound {
		t.Errorf("ARCHITECTURE.md has %d lines: at most %d, the rest belongs in docs", n, bound)
	}
}

// documents returns what people read, by its path from the root.
func documents(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/decisions/*.md", "deploy/*/*.md", "test/*/*.md"} {
		files, err := filepath.Glob(filepath.Join("../..", filepath.FromSlash(pattern)))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name, err := filepath.Rel("../..", file)
			if err != nil {
				t.Fatal(err)
			}
			found[filepath.ToSlash(name)] = string(text)
		}
	}
	return found
}
