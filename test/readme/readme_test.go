package readme

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const maxLines = 150

func TestReadmeIsShort(t *testing.T) {
	t.Parallel()
	if n := strings.Count(read(t, "README.md"), "\n"); n > maxLines {
		t.Errorf("README.md has %d lines: at most %d, the rest belongs in docs", n, maxLines)
	}
}

func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	links := regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(read(t, "README.md"), -1)
	if len(links) == 0 {
		t.Fatal("README.md has no links")
	}
	for _, link := range links {
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(link[1]))); err != nil {
			t.Errorf("README.md links to %s: %v", link[1], err)
		}
	}
}

var substitution = regexp.MustCompile(`\$\([^)]*\)`)

// Every line of every sh block is a make target that exists, or a command whose flags
// its own help knows, or plain shell.
func TestCommandLinesExist(t *testing.T) {
	t.Parallel()
	makefile := read(t, "Makefile")
	for _, line := range lines(t) {
		words := strings.Fields(substitution.ReplaceAllString(line, "VALUE"))
		switch words[0] {
		case "make":
			if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(words[1]) + `:`).MatchString(makefile) {
				t.Errorf("%s: the Makefile has no target %s", line, words[1])
			}
		case "bin/managedcas", "bin/managedcasd":
			program, subcommand, flags := parse(words)
			text := help(t, program, subcommand...)
			for _, flag := range flags {
				if !knows(text, flag) {
					t.Errorf("%s: %s %s has no flag %s", line, program, strings.Join(subcommand, " "), flag)
				}
			}
		case "export", "cmp":
		default:
			t.Errorf("%s: what starts a line here is make, bin/managedcas, bin/managedcasd, export or cmp", line)
		}
	}
}

// knows reports whether a help text lists the flag: "  -f, --file string".
func knows(help, flag string) bool {
	return regexp.MustCompile(`(?m)^ +(-\w, )?` + regexp.QuoteMeta(flag) + `(,| |$)`).MatchString(help)
}

// parse takes a command line apart: subcommands are the words before an operand or the
// end that are neither flags nor their values.
func parse(words []string) (program string, subcommand, flags []string) {
	program = strings.TrimPrefix(words[0], "bin/")
	groups := map[string]bool{"organization": true, "artifact": true, "cas-backend": true, "policy": true}
	for i := 1; i < len(words); i++ {
		w := words[i]
		switch {
		case strings.HasPrefix(w, "-"):
			flags = append(flags, w)
			if w != "--plan" && w != "--insecure" {
				i++ // its value
			}
		case len(subcommand) == 0 || groups[subcommand[0]] && len(subcommand) == 1:
			subcommand = append(subcommand, w)
		}
	}
	return program, subcommand, flags
}

// blocks returns the code blocks of the README in a language.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	var found []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(read(t, "README.md"), -1) {
		found = append(found, m[1])
	}
	if len(found) == 0 {
		t.Fatalf("README.md has no %s block", language)
	}
	return found
}

// lines returns what the sh blocks say, without comments.
func lines(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, block := range blocks(t, "sh") {
		for line := range strings.Lines(block) {
			line, _, _ = strings.Cut(" "+line, " #")
			if line = strings.TrimSpace(line); line != "" {
				all = append(all, line)
			}
		}
	}
	return all
}
