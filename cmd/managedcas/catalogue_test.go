package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/test/rig"
)

func TestListAndMissing(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{Catalogue: true})
	s := shell{r.Site(t, "acme")}
	dir := t.TempDir()
	var newest digest.Digest
	for i := range 3 {
		content, d := rig.Content(10)
		newest = d
		path := write(t, filepath.Join(dir, fmt.Sprintf("%d.json", i)), content)
		if code, _, stderr := s.run(t, "artifact", "upload", "-f", path); code != 0 {
			t.Fatal(stderr)
		}
	}
	r.Forget()
	code, stdout, stderr := s.run(t, "artifact", "list", "--limit", "2", "-o", "json")
	var listed []struct{ Digest, FileName, MediaType, Uploader string }
	if err := json.Unmarshal([]byte(stdout), &listed); err != nil || code != 0 || len(listed) != 2 {
		t.Fatalf("%d, %s, %s, %v", code, stdout, stderr, err)
	}
	if got := listed[0]; got.Digest != newest.String() || got.FileName != "2.json" || got.MediaType != "application/json" || !strings.HasPrefix(got.Uploader, "test/") {
		t.Errorf("%+v", got)
	}
	if code, stdout, _ := s.run(t, "artifact", "list", "--all"); code != 0 || strings.Count(stdout, "\n") != 4 {
		t.Errorf("%d, %s", code, stdout)
	}
	if code, stdout, _ := s.run(t, "artifact", "missing", newest.String()); code != 0 || stdout != "" {
		t.Errorf("%d, %s", code, stdout)
	}
	never := digest.Of([]byte("never")).String()
	code, stdout, stderr = s.run(t, "artifact", "missing", never, newest.String(), never)
	if code != problem.NotFound.ExitCode() || stdout != never+"\n" || !strings.HasPrefix(stderr, "error: 1 of 3 artifacts are missing: ") {
		t.Errorf("%d, %s, %s", code, stdout, stderr)
	}
	if calls := r.Calls(); len(calls) != 0 {
		t.Errorf("S3 was asked for %v", calls)
	}
	for _, args := range [][]string{
		{"list", "--limit", "0"}, {"list", "--limit", "10001"}, {"list", "--limit", "1", "--all"}, {"list", "x"},
		{"missing"}, {"missing", "x"}, {"missing", "--stdin", never}, {"upload", "-f", "x", "--media-type", "text"},
	} {
		s.fails(t, problem.Invalid, append([]string{"artifact"}, args...)...)
	}
}

// What sha256sum writes is read, and both sides of the bound.
func TestReadDigests(t *testing.T) {
	t.Parallel()
	d := digest.Of(nil)
	got, err := readDigests(strings.NewReader(d.String() + "\n\n" + d.Hex() + "  a name\n\\" + d.Hex() + " *a\\nb\r\n  " + d.Hex()))
	if err != nil || len(got) != 4 || got[3] != d {
		t.Errorf("%v, %v", got, err)
	}
	many := strings.Repeat(d.Hex()+"\n", maxAsked)
	if got, err := readDigests(strings.NewReader(many)); err != nil || len(got) != maxAsked {
		t.Errorf("%d, %v", len(got), err)
	}
	for bad, says := range map[string]string{
		"":                       "standard input has no digest",
		"\n \n":                  "standard input has no digest",
		d.Hex() + "\n\nhello  x": `line 3, "hello  x": that is not a digest`,
		strings.Repeat("ä", 99):  `line 1, "` + strings.Repeat("ä", 40) + `"…: that is not a digest`,
	} {
		if _, err := readDigests(strings.NewReader(bad)); problem.KindOf(err) != problem.Invalid || !strings.HasPrefix(problem.From(err).Public(), says) || problem.From(err).Hint() == "" {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, bad := range []string{many + d.Hex(), "hello", strings.ToUpper(d.Hex()), strings.Repeat("a", 1<<17)} {
		if _, err := readDigests(strings.NewReader(bad)); problem.KindOf(err) != problem.Invalid {
			t.Errorf("%.80q: %v", bad, err)
		}
	}
}
