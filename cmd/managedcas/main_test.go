package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/problem"
	casv1 "github.com/managedcas/managedcas/proto/cas/v1"
	"github.com/managedcas/managedcas/test/rig"
)

// shell runs command lines against a site.
type shell struct{ rig.Site }

// run returns the exit code and what was printed.
func (s shell) run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	args = append(args, "--control-plane", s.ControlPlane, "--artifact-cas", s.ArtifactCAS, "--token", s.Token, "--insecure")
	code = run(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

// fails checks the exit code, and that the failure is one line on stderr that a
// terminal can show.
func (s shell) fails(t *testing.T, want problem.Kind, args ...string) string {
	t.Helper()
	code, stdout, stderr := s.run(t, args...)
	if code != want.ExitCode() || stdout != "" {
		t.Errorf("%q: exit code %d, want %d; stdout %q, stderr %q", args, code, want.ExitCode(), stdout, stderr)
	}
	oneErrorLine(t, args, stderr)
	return stderr
}

func oneErrorLine(t *testing.T, args []string, stderr string) {
	t.Helper()
	if !strings.HasPrefix(stderr, "error: ") || strings.Count(stderr, "\n") != 1 || strings.ContainsAny(stderr, "\x1b\r\u009b") {
		t.Errorf("%q: stderr %q", args, stderr)
	}
}

func newShell(t *testing.T) shell {
	t.Helper()
	return shell{rig.New(t, rig.Options{MaxBytes: 1 << 20}).Site(t, "acme")}
}

func write(t *testing.T, path string, content []byte) string {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// files lists a directory.
func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestUploadAndDownload(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	dir := t.TempDir()
	content, d := rig.Content(1000)
	path := write(t, filepath.Join(dir, "a.txt"), content)
	code, stdout, stderr := s.run(t, "artifact", "upload", "-f", path, "-o", "json")
	var printed struct {
		Digest, FileName string
		Size             int
	}
	if err := json.Unmarshal([]byte(stdout), &printed); err != nil || code != 0 || stderr != "" ||
		printed.Digest != d.String() || !strings.Contains(stdout, `"created": true`) || printed.Size != 1000 || printed.FileName != "a.txt" {
		t.Fatalf("%d, %s, %q, %v", code, stdout, stderr, err)
	}
	if code, stdout, _ := s.run(t, "artifact", "download", "-d", d.String(), "--output", "-"); code != 0 || stdout != string(content) {
		t.Errorf("to stdout: %d, %d bytes", code, len(stdout))
	}
	target := write(t, filepath.Join(dir, "old"), []byte("old"))
	if code, stdout, _ := s.run(t, "artifact", "download", "-d", d.String(), "--output", target); code != 0 || stdout != "" {
		t.Errorf("to a file that --output names: %d, %q", code, stdout)
	}
	if got, err := os.ReadFile(target); err != nil || !bytes.Equal(got, content) {
		t.Errorf("the file has %d bytes, %v", len(got), err)
	}
	code, stdout, stderr = s.run(t, "artifact", "download", "-d", d.String(), "--output", target, "-o", "json")
	var got struct{ Digest, Path string }
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 || stderr != "" || got.Digest != d.String() || got.Path != target {
		t.Errorf("as JSON: %d, %q, %q, %v", code, stdout, stderr, err)
	}
	if code, stdout, _ := s.run(t, "-o", "json", "artifact", "download", "-d", d.String(), "--output", "-"); code != 0 || stdout != string(content) {
		t.Errorf("to stdout, as JSON: %d, %d bytes", code, len(stdout))
	}
	s.fails(t, problem.Invalid, "artifact", "download", "-d", d.String(), "-o", "xml")
	code, stdout, stderr = s.run(t, "artifact", "upload", "-f", write(t, filepath.Join(dir, "b\u200b.json"), content), "-o", "json")
	if code != 0 || !strings.Contains(stdout, `"created": false`) || !strings.Contains(stdout, `"mediaType": "application/json"`) ||
		stderr != "it was there already, and nothing was stored\nits name is kept as \"b_.json\"\n" {
		t.Errorf("again: %d, %s, %q", code, stdout, stderr)
	}
	if code, stdout, _ := s.run(t, "artifact", "describe", "-d", d.String()); code != 0 || !strings.Contains(stdout, "1000 B") {
		t.Errorf("described: %d, %q", code, stdout)
	}
	if got := files(t, dir); len(got) != 3 {
		t.Errorf("files: %q", got)
	}
}

// Without --output the name is the artifact's, in the current directory; what is there
// stays. The test changes the directory of the process, so it is alone.
func TestDownloadUnderItsOwnName(t *testing.T) { //nolint:paralleltest // see above
	s := newShell(t)
	content, d := rig.Content(10)
	path := write(t, filepath.Join(t.TempDir(), "own.txt"), content)
	if code, _, stderr := s.run(t, "artifact", "upload", "-f", path); code != 0 {
		t.Fatal(stderr)
	}
	dir := t.TempDir()
	t.Chdir(dir)
	if code, stdout, stderr := s.run(t, "artifact", "download", "-d", d.String()); code != 0 || stdout != "" || stderr != "written to \"own.txt\"\n" {
		t.Fatalf("%d, %q, %q", code, stdout, stderr)
	}
	write(t, "own.txt", []byte("mine"))
	s.fails(t, problem.Exists, "artifact", "download", "-d", d.String())
	if got, err := os.ReadFile("own.txt"); err != nil || string(got) != "mine" {
		t.Errorf("the file has %q, %v", got, err)
	}
	for _, hostile := range []string{"../evil", "/tmp/evil", "..", "", "a\x1b[2J", "a/b"} {
		liar := s
		liar.ArtifactCAS = rig.Liar(t, &casv1.CASResource{FileName: hostile, Digest: d.Hex(), Size: 10}, content)
		liar.fails(t, problem.Invalid, "artifact", "download", "-d", d.String())
	}
	if got := files(t, dir); len(got) != 1 {
		t.Errorf("files: %q", got)
	}
}

// Whatever fails, there is no file afterwards, and an old one is as it was.
func TestFailedDownloadsLeaveNothing(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	content, d := rig.Content(1000)
	liar := s
	liar.ArtifactCAS = rig.Liar(t, &casv1.CASResource{FileName: "a", Digest: d.Hex(), Size: 1000}, bytes.ToUpper(content))
	dir := t.TempDir()
	old := write(t, filepath.Join(dir, "old"), []byte("old"))
	sub := filepath.Join(dir, "sub")
	if err := os.Mkdir(sub, 0o700); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link") // as /dev/stdout is one
	if err := os.Symlink(old, link); err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(dir, "pipe") // stands for /dev/null
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	honest := s
	honest.ArtifactCAS = rig.Liar(t, &casv1.CASResource{FileName: "a", Digest: d.Hex(), Size: 1000}, content)
	s.fails(t, problem.NotFound, "artifact", "download", "-d", d.String(), "--output", filepath.Join(dir, "new"))
	s.fails(t, problem.NotFound, "artifact", "download", "-d", d.String(), "--output", old)
	liar.fails(t, problem.Corrupt, "artifact", "download", "-d", d.String(), "--output", filepath.Join(dir, "new"))
	liar.fails(t, problem.Corrupt, "artifact", "download", "-d", d.String(), "--output", old)
	for _, special := range []string{sub, link, pipe} {
		honest.fails(t, problem.Invalid, "artifact", "download", "-d", d.String(), "--output", special)
	}
	honest.fails(t, problem.Invalid, "artifact", "download", "-d", d.String(), "--output", filepath.Join(dir, "no", "where"))
	if got := strings.Join(files(t, dir), " "); got != "link old pipe sub" {
		t.Errorf("files: %q", got)
	}
	if got, err := os.ReadFile(old); err != nil || string(got) != "old" {
		t.Errorf("the old file has %q, %v", got, err)
	}
	for file, want := range map[string]os.FileMode{link: os.ModeSymlink, pipe: os.ModeNamedPipe} {
		if info, err := os.Lstat(file); err != nil || info.Mode().Type() != want {
			t.Errorf("%s is %v now, %v", file, info.Mode(), err)
		}
	}
	code, stdout, stderr := liar.run(t, "artifact", "download", "-d", d.String(), "--output", "-")
	if code != problem.Corrupt.ExitCode() || len(stdout) >= 1000 {
		t.Errorf("to stdout: %d, %d bytes, %q", code, len(stdout), stderr)
	}
}

// I12: the exit codes that --help promises; every error is one line with a next step.
func TestI12_ExitCodes(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	dir := t.TempDir()
	big, _ := rig.Content(1<<20 + 1)
	missing := digest.Of([]byte("missing")).String()
	for _, row := range []struct {
		want problem.Kind
		args []string
	}{
		{problem.Invalid, []string{"nonsense"}},
		{problem.Invalid, []string{"artifact", "nonsense"}},
		{problem.Invalid, []string{"artifact", "upload"}},
		{problem.Invalid, []string{"artifact", "upload", "-f", filepath.Join(dir, "nothing")}},
		{problem.Invalid, []string{"artifact", "upload", "-f", dir}},
		{problem.Invalid, []string{"artifact", "upload", "-f", filepath.Join(dir, "a\x1b[2Jb\nc")}},
		{problem.Invalid, []string{"artifact", "upload", "-f", "x", "extra\x1b[2J"}},
		{problem.Invalid, []string{"artifact", "upload", "--nonsense"}},
		{problem.Invalid, []string{"artifact", "upload", "-f", "x", "-o", "xml"}},
		{problem.Invalid, []string{"artifact", "describe", "-d", "nonsense"}},
		{problem.Invalid, []string{"artifact", "describe", "-d", "sha256:" + strings.Repeat("A", 64)}},
		{problem.Invalid, []string{"artifact", "upload", "-f", "-"}},
		{problem.Invalid, []string{"organization", "create"}},
		{problem.Invalid, []string{"organization", "create", "globex", "--wait", "-1s"}},
		{problem.NotFound, []string{"artifact", "describe", "-d", digest.Digest{}.String()}},
		{problem.NotFound, []string{"artifact", "describe", "-d", missing}},
		{problem.NotFound, []string{"artifact", "download", "-d", missing, "--output", "-"}},
		{problem.TooLarge, []string{"artifact", "upload", "-f", write(t, filepath.Join(dir, "big"), big)}},
		{problem.Denied, []string{"organization", "create", "globex"}},
	} {
		if stderr := s.fails(t, row.want, row.args...); !strings.Contains(strings.TrimPrefix(stderr, "error: "), ": ") {
			t.Errorf("%q: no next step: %q", row.args, stderr)
		}
	}
	stranger := s
	stranger.Token = "nonsense"
	stranger.fails(t, problem.Unauthenticated, "cas-backend", "list")
	nowhere := s
	nowhere.ControlPlane = "http://127.0.0.1:1" // not an address: trying again does not help
	nowhere.fails(t, problem.Invalid, "cas-backend", "list")
	nowhere.ControlPlane = "127.0.0.1:1"
	nowhere.fails(t, problem.Unavailable, "cas-backend", "list")

	ended, end := context.WithCancel(t.Context())
	end()
	var errs bytes.Buffer
	code := run(ended, []string{"cas-backend", "list", "--control-plane", s.ControlPlane, "--token", s.Token, "-i"}, &bytes.Buffer{}, &errs)
	if code != problem.Canceled.ExitCode() {
		t.Errorf("interrupted: %d, %s", code, errs.String())
	}
}

// What a server says is shown, not obeyed.
func TestTerminalIsSafe(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	d := digest.Of(nil)
	s.ArtifactCAS = rig.Liar(t, &casv1.CASResource{FileName: "a\x1b[2J\n\u202eb\u009bc", Digest: d.Hex()}, nil)
	code, stdout, _ := s.run(t, "artifact", "describe", "-d", d.String())
	if code != 0 || strings.ContainsAny(stdout, "\x1b\u202e\u009b") || strings.Count(stdout, "\n") != 2 {
		t.Errorf("%d, %q", code, stdout)
	}
}

// Every example of --help is a command line that exists, and no help shows a token.
func TestHelp(t *testing.T) {
	t.Setenv("CHAINLOOP_TOKEN", "the-secret")
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if strings.Contains(cmd.UsageString(), "the-secret") {
			t.Errorf("%s: the help shows the token", cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.Example) {
			line, _, _ = strings.Cut(line, "|")
			words := strings.Fields(line)
			if len(words) == 0 || words[0] != "managedcas" {
				t.Errorf("%s: example %q", cmd.CommandPath(), line)
				continue
			}
			found, rest, err := command(&app{}).Find(words[1:])
			if err != nil || !found.Runnable() || found.HasSubCommands() {
				t.Errorf("%s: example %q: %v", cmd.CommandPath(), line, err)
				continue
			}
			if err := found.ParseFlags(rest); err != nil {
				t.Errorf("%s: example %q: %v", cmd.CommandPath(), line, err)
			} else if err := found.ValidateArgs(found.Flags().Args()); err != nil {
				t.Errorf("%s: example %q: %v", cmd.CommandPath(), line, err)
			}
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(command(&app{}))
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"cas-backend", "list", "-o", ""}, {"artifact", "describe", "--output", ""}} {
		var out bytes.Buffer
		if code := run(t.Context(), append([]string{"__complete"}, args...), &out, &bytes.Buffer{}); code != 0 || !strings.HasPrefix(out.String(), "table\njson\n") {
			t.Errorf("%q: %d, %q", args, code, out.String())
		}
	}
	for _, args := range [][]string{{"organization", "members", "set-role", "ann@example.com", ""}, {"organization", "invite", "ann@example.com", "--role", ""}} {
		var out bytes.Buffer
		if code := run(t.Context(), append([]string{"__complete"}, args...), &out, &bytes.Buffer{}); code != 0 || !strings.HasPrefix(out.String(), "viewer\ncontributor\nmember\nadmin\nowner\n:4") {
			t.Errorf("%q: %d, %q", args, code, out.String())
		}
	}
	// Here --output is a file.
	var out bytes.Buffer
	if code := run(t.Context(), []string{"__complete", "artifact", "download", "--output", ""}, &out, &bytes.Buffer{}); code != 0 || strings.Contains(out.String(), "table") {
		t.Errorf("%d, %q", code, out.String())
	}
}
