package readme

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
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

// servers are commands that do not end, or that need an AWS account.
var servers = regexp.MustCompile(`^(make|bin/managedcasd (dev|provision|backend|controlplane|cas)) `)

// What can be typed is typed, in the README's order, against a dev of its own.
func TestWhatCanBeTypedWorks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Symlink(programs, filepath.Join(dir, "bin")); err != nil {
		t.Fatal(err)
	}
	text := read(t, "README.md")
	write(t, filepath.Join(dir, "README.md"), text)
	write(t, filepath.Join(dir, "managedcas.yaml"), blocks(t, "yaml")[0])
	ready := startDev(t, dir)

	var script []string
	for _, line := range lines(t) {
		if !servers.MatchString(line + " ") {
			script = append(script, line)
		}
	}
	// Tests have no fixed ports; people at a shell may.
	commands := strings.NewReplacer("127.0.0.1:4601", ready.Controlplane.GRPC, "127.0.0.1:4603", ready.CAS.GRPC).
		Replace(strings.Join(script, "\n"))
	cmd := exec.CommandContext(t.Context(), "sh", "-eux", "-c", commands)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "copy.md")); err != nil || string(got) != text {
		t.Errorf("copy.md is not README.md (%v)", err)
	}
}

type ready struct {
	Controlplane, CAS struct{ GRPC string }
}

// startDev runs dev as the README does, on free ports, and waits until it is ready.
func startDev(t *testing.T, dir string) ready {
	t.Helper()
	file := filepath.Join(dir, "ready.json")
	var log strings.Builder
	cmd := exec.Command(filepath.Join(programs, "managedcasd"), "dev", "--data", "dev", "--ports", "0", "--ready-file", file)
	cmd.Dir, cmd.Stderr = dir, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Log(log.String())
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		text, err := os.ReadFile(file)
		if err == nil {
			var r ready
			if err := json.Unmarshal(text, &r); err != nil {
				t.Fatal(err)
			}
			return r
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("dev ended before it was ready: %v", err)
		case <-ctx.Done():
			t.Fatal("dev is not ready")
		case <-tick.C:
		}
	}
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

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
