package readme

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"github.com/managedcas/managedcas/internal/problem"
)

var update = flag.Bool("update", false, "write docs/cli.md anew")

// docs/cli.md is what the programs say of themselves, and the one error table.
func TestCommandsAreDocumented(t *testing.T) {
	t.Parallel()
	const file = "docs/cli.md"
	var doc strings.Builder
	doc.WriteString(preface)
	for _, program := range []string{"managedcas", "managedcasd"} {
		fmt.Fprintf(&doc, "\n## %s\n", program)
		describe(t, &doc, program)
	}
	writeExitCodes(t, &doc)
	if *update {
		if err := os.WriteFile(filepath.Join(root, file), []byte(doc.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(doc.String(), read(t, file)); diff != "" {
		t.Errorf("%s is not what the programs say; run: go test ./test/readme -update\n%s", file, diff)
	}
}

const preface = `# The command line

Both programs explain themselves with ` + "`--help`" + `; this page is that help in one place. It is
written by ` + "`go test ./test/readme -update`" + ` and kept true by the same test.

Errors are one line on standard error, with the next step at its end.
`

// describe writes a command and everything below it.
func describe(t *testing.T, doc *strings.Builder, program string, path ...string) {
	t.Helper()
	text := help(t, program, path...)
	if len(path) > 0 {
		fmt.Fprintf(doc, "\n### %s %s\n", program, strings.Join(path, " "))
	}
	sections := split(text)
	if sections[""] == "" {
		t.Errorf("%s %s does not say what it does: its text must not begin with one of %q", program, strings.Join(path, " "), headings)
	}
	fmt.Fprintf(doc, "\n```text\n%s\n```\n", strings.Join(shown(sections), "\n\n"))
	for line := range strings.Lines(sections["Available Commands:"]) {
		if name := strings.Fields(line)[0]; name != "completion" && name != "help" {
			describe(t, doc, program, append(path, name)...)
		}
	}
}

// headings are those of cobra's help, in its order.
var headings = []string{"Usage:", "Aliases:", "Examples:", "Available Commands:", "Flags:", "Global Flags:", "Use \""}

// split takes a help text apart by headings; what is above the first has the name "".
func split(text string) map[string]string {
	sections, at := map[string]string{}, ""
	for line := range strings.Lines(text) {
		for _, h := range headings {
			if strings.HasPrefix(line, h) {
				at, line = h, ""
				break
			}
		}
		sections[at] += line
	}
	for name, body := range sections {
		sections[name] = strings.Trim(body, "\n")
	}
	return sections
}

// shown are the sections of a command's entry. Global flags stand at the program
// itself, commands have entries of their own.
func shown(sections map[string]string) []string {
	out := []string{sections[""]}
	for _, name := range []string{"Usage:", "Aliases:", "Examples:", "Flags:"} {
		body := sections[name]
		if name == "Flags:" {
			body = withoutHelp(body)
		}
		if body != "" {
			out = append(out, name+"\n"+body)
		}
	}
	return out
}

// withoutHelp leaves out the flag that every command has.
func withoutHelp(flags string) string {
	var kept []string
	for line := range strings.SplitSeq(flags, "\n") {
		if !strings.Contains(line, "-h, --help") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}

// meanings are the kinds for people at a shell.
var meanings = map[problem.Kind]string{
	problem.Internal:           "a defect, here or in the server",
	problem.Invalid:            "wrong usage, or content that is not what it claims to be",
	problem.Unauthenticated:    "no token, or one that is not valid",
	problem.Denied:             "the token does not allow this",
	problem.NotFound:           "no such thing, for this organization",
	problem.Exists:             "it exists already",
	problem.Precondition:       "not possible in this state",
	problem.Conflict:           "somebody else was faster",
	problem.Exhausted:          "a quota is used up",
	problem.TooLarge:           "larger than the storage backend allows",
	problem.RangeUnsatisfiable: "an offset beyond the end",
	problem.Corrupt:            "what is stored is not what its digest promises",
	problem.Canceled:           "interrupted",
	problem.Deadline:           "not done in time",
	problem.Unavailable:        "something is down, busy or not yet set up",
	problem.Unimplemented:      "the server does not offer this",
	problem.Throttled:          "too many requests: the answer says when to ask again",
}

func writeExitCodes(t *testing.T, doc *strings.Builder) {
	t.Helper()
	doc.WriteString(`
## Exit codes

managedcasd: 0 done, 1 failed, 2 wrong usage; 3 from reconcile, doctor and migrate: something is left to do.
managedcas: 0 done, else one of these; "again" says whether the same command may succeed later
with nothing changed.

| exit code | meaning | kind | again | gRPC | HTTP |
|---|---|---|---|---|---|
`)
	kinds := problem.Kinds()
	slices.SortFunc(kinds, func(a, b problem.Kind) int { return a.ExitCode() - b.ExitCode() })
	for _, k := range kinds {
		meaning, ok := meanings[k]
		if !ok {
			t.Errorf("kind %s has no meaning here: say what it is to somebody at a shell", k)
		}
		again := "no"
		if k.Retryable() {
			again = "yes"
		}
		fmt.Fprintf(doc, "| %d | %s | `%s` | %s | %s | %d |\n", k.ExitCode(), meaning, k, again, codes.Code(k.GRPCCode()), k.HTTPStatus())
	}
}
