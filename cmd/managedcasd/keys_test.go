package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Keys are replaced by hand: later, or at once; what there is can be seen, but no key.
func TestKeysByHand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "managedcas.yaml")
	if err := os.WriteFile(file, []byte(`database: {url: "sqlite:`+filepath.Join(dir, "cas.db")+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	keys := func(want int, args ...string) string {
		t.Helper()
		var out bytes.Buffer
		if code := run(t.Context(), append([]string{"keys"}, append(args, "--config", file)...), nil, &out, &out); code != want {
			t.Fatalf("%v: exit code %d, want %d: %s", args, code, want, &out)
		}
		return out.String()
	}
	for _, step := range []struct {
		args                              []string
		announced, signing, retired, dead int
	}{
		{nil, 0, 2, 0, 0}, // the first ones
		{[]string{"rotate"}, 2, 2, 0, 0},
		{[]string{"rotate", "--now", "--use", "cas"}, 1, 2, 1, 1}, // the one that was announced never signs
		{[]string{"rotate", "--now", "--use", "cas", "--revoke"}, 1, 2, 0, 3},
	} {
		if step.args != nil {
			if said := keys(0, step.args...); !strings.Contains(said, " signing ") {
				t.Errorf("%v says nothing of what there is then: %q", step.args, said)
			}
		}
		list := keys(0, "list")
		for state, want := range map[string]int{" announced ": step.announced, " signing ": step.signing, " retired ": step.retired, " dead ": step.dead} {
			if got := strings.Count(list, state); got != want {
				t.Errorf("%v: %d keys are%s, want %d:\n%s", step.args, got, state, want, list)
			}
		}
	}
	var listed []struct{ Use, Key, State, SignsFrom, RetiredAt string }
	if err := json.Unmarshal([]byte(keys(0, "list", "-o", "json")), &listed); err != nil || len(listed) != 6 {
		t.Fatalf("as JSON: %+v, %v", listed, err)
	}
	for _, k := range listed {
		if k.Use == "" || k.Key == "" || k.SignsFrom == "" || (k.State == "retired") && k.RetiredAt == "" {
			t.Errorf("as JSON: %+v", k)
		}
	}
	keys(2, "list", "-o", "yaml")
	keys(2, "rotate", "--revoke")
	if said := keys(2, "rotate", "--use", "tls"); !strings.Contains(said, "api or cas") {
		t.Errorf("an unknown use: %s", said)
	}
}
