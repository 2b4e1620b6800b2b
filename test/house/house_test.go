// Package house holds the project to its own plan: which package may know which,
// and what no file may contain. A rule that is only remembered is soon broken.
package house

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/managedcas/managedcas/"

// rooms are the packages under internal/ in the order of the data flow: a package may
// import only rooms before its own. Inside a storey, order counts as well, except on
// the adapters' one, where nobody imports a neighbour but those listed in neighbours.
var rooms = map[string][]string{
	"pure":     {"org", "digest", "iam", "tenancy", "isolation", "cloud"},
	"values":   {"problem", "registry", "audit", "idtoken"},
	"engines":  {"session", "probe", "reconcile", "admission", "cas", "backlog", "auditlog", "catalogue", "direct", "ownbucket", "provision", "purge", "attestation", "doctor"},
	"adapters": {"awscloud", "secretstore", "auditsink", "jobs", "database", "auth", "casgate", "casgrpc", "cashttp", "casupload", "federation", "signin", "controlplane", "webui", "client"},
	"frame":    {"emulator", "service"},
}

var storeys = []string{"pure", "values", "engines", "adapters", "frame"}

// neighbours are the adapters that others may import: a verified caller is a value
// that every server needs, and only auth makes one; jobs are rows that the database
// writes in its own transactions.
var neighbours = []string{"auth", "jobs"}

// source is one Go file of the project.
type source struct {
	file    string // slash-separated, relative to the root
	room    string // first element under internal/, "" outside
	test    bool
	imports []string
	text    string
	lines   int
}

func TestRoomsKnowOnlyRoomsAboveThem(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if s.room == "" || s.test {
			continue
		}
		if storey(s.room) < 0 {
			t.Errorf("%s: room %q is not in the plan: give it a place in rooms", s.file, s.room)
		}
		for _, imported := range s.imports {
			other, ours := strings.CutPrefix(imported, module+"internal/")
			if !ours {
				continue
			}
			other, _, _ = strings.Cut(other, "/")
			if other != s.room && !mayImport(s.room, other) {
				t.Errorf("%s imports internal/%s, which is not above internal/%s", s.file, other, s.room)
			}
		}
	}
}

func mayImport(room, other string) bool {
	here, there := storey(room), storey(other)
	switch {
	case here != there:
		return there < here
	case storeys[here] == "adapters":
		return slices.Contains(neighbours, other)
	default:
		order := rooms[storeys[here]]
		return slices.Index(order, other) < slices.Index(order, room)
	}
}

func storey(room string) int {
	return slices.IndexFunc(storeys, func(s string) bool { return slices.Contains(rooms[s], room) })
}

func TestPureRoomsDoNoInputOrOutput(t *testing.T) {
	t.Parallel()
	forbidden := []string{"os", "net", "net/http", "net/url", "io/fs", "log", "log/slog", "database/sql", "context", "os/exec", "syscall"}
	for _, s := range sources(t) {
		if s.test || storey(s.room) != 0 {
			continue
		}
		for _, imported := range s.imports {
			outside := strings.Contains(strings.Split(imported, "/")[0], ".") && !strings.HasPrefix(imported, module)
			if outside || slices.Contains(forbidden, imported) {
				t.Errorf("%s imports %s: a pure room has the standard library without input and output", s.file, imported)
			}
		}
		if strings.Contains(s.text, "time."+"Now()") {
			t.Errorf("%s reads the clock: take the time as an argument", s.file)
		}
	}
}

func TestOnlyAwscloudKnowsTheSDK(t *testing.T) {
	t.Parallel()
	const sdk = "github.com/aws/"
	for _, s := range sources(t) {
		for _, imported := range s.imports {
			if !strings.HasPrefix(imported, sdk) || s.room == "awscloud" || s.test || strings.HasPrefix(s.file, "test/") {
				continue
			}
			if s.room == "emulator" && imported == sdk+"aws-sdk-go-v2/aws/signer/v4" {
				continue
			}
			t.Errorf("%s imports %s: only internal/awscloud may", s.file, imported)
		}
	}
}

// The embedded AWS must not know the scheme that it judges (DESIGN §3, I9).
func TestEmulatorKnowsOnlyThePolicyLanguage(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if s.room != "emulator" {
			continue
		}
		for _, imported := range s.imports {
			ours := strings.HasPrefix(imported, module)
			allowed := strings.HasPrefix(imported, module+"internal/emulator") || imported == module+"internal/iam"
			if ours && !allowed {
				t.Errorf("%s imports %s: of ours, the embedded AWS knows only internal/iam", s.file, imported)
			}
		}
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	var sizes []int
	for _, s := range sources(t) {
		if s.lines > 900 {
			t.Errorf("%s has %d lines: there is a second thing in it", s.file, s.lines)
		}
		if !s.test {
			sizes = append(sizes, s.lines)
		}
		for _, element := range strings.Split(path.Dir(s.file), "/") {
			if slices.Contains([]string{"util", "utils", "common", "helpers", "types", "misc"}, element) {
				t.Errorf("%s: %q says nothing about what is inside", s.file, element)
			}
		}
		if s.test {
			// In a synctest bubble a sleep takes no time.
			bubble := slices.Contains(s.imports, "testing/synctest")
			for _, word := range []string{"t." + "Skip", "time." + "Sleep(", "testing." + "Short"} {
				if strings.Contains(s.text, word) && !(bubble && strings.HasPrefix(word, "time")) {
					t.Errorf("%s: %s: a test neither skips nor sleeps", s.file, word)
				}
			}
		}
	}
	slices.Sort(sizes)
	if median := sizes[len(sizes)/2]; median > 120 {
		t.Errorf("the median file has %d lines, 120 is the bound", median)
	}
}

// A newcomer understands the system by reading five files (DESIGN §3).
func TestFiveFilesAreReadInOneSitting(t *testing.T) {
	t.Parallel()
	five := []string{"internal/tenancy/tenant.go", "internal/reconcile/reconcile.go", "internal/session/session.go", "internal/cas/store.go", "cmd/managedcasd/dev.go"}
	total := 0
	for _, s := range sources(t) {
		if slices.Contains(five, s.file) {
			total += s.lines
			five = slices.DeleteFunc(five, func(f string) bool { return f == s.file })
		}
	}
	if len(five) > 0 {
		t.Errorf("missing: %v", five)
	}
	if total >= 1000 {
		t.Errorf("they have %d lines together, 1,000 is the bound", total)
	}
}

// sources reads every hand-written Go file of the project.
func sources(t *testing.T) []source {
	t.Helper()
	root := os.DirFS("../..")
	var found []source
	err := fs.WalkDir(root, ".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (file == ".git" || file == "bin" || file == "tools" || entry.Name() == "testdata"):
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(file) != ".go" || strings.HasSuffix(file, ".pb.go"):
			return nil
		}
		text, err := fs.ReadFile(root, file)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, text, parser.ImportsOnly)
		if err != nil {
			return err
		}
		s := source{file: file, test: strings.HasSuffix(file, "_test.go"), text: string(text), lines: strings.Count(string(text), "\n")}
		if rest, ok := strings.CutPrefix(file, "internal/"); ok {
			s.room, _, _ = strings.Cut(rest, "/")
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			s.imports = append(s.imports, imported)
		}
		found = append(found, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 50 {
		t.Fatalf("only %d Go files found: is this the project?", len(found))
	}
	return found
}
