package chart

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// guide is what section 5 of the operator's guide installs, for each identity of pods;
// test/rollout starts processes with what is rendered.
var guide = map[string]string{
	"guide":      "{}",
	"guide-irsa": "workloadIdentity: irsa",
}

// The values of the operator's guide, filled in as the guide says, are accepted, and render
// what Kubernetes knows.
func TestGuideRenders(t *testing.T) {
	t.Parallel()
	e := example{name: "guide", release: "managedcas", namespace: "managedcas"}
	for name, over := range guide {
		values := parse(t, guideValues(t))
		for key, value := range parse(t, over) {
			values[key] = value
		}
		rendered, err := e.render(t, values)
		if err != nil {
			t.Fatal(err)
		}
		text, notes := manifests(rendered)
		if _, err := decode(text); err != nil {
			t.Error(err)
		}
		golden(t, name+".yaml", text)
		golden(t, name+".notes.txt", notes)
	}
}

// guideValues runs the guide's own commands: the names, and fill.
func guideValues(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/guide.md")
	if err != nil {
		t.Fatal(err)
	}
	find := func(fence string) string {
		found := regexp.MustCompile("(?ms)^```" + fence + "\n(.*?)^```$").FindStringSubmatch(string(page))
		if found == nil {
			t.Fatalf("the guide has no block %s", fence)
		}
		return found[1]
	}
	dir := t.TempDir()
	for _, name := range []string{"sh file=fill", "yaml file=values.in.yaml"} {
		_, file, _ := strings.Cut(name, "=")
		if err := os.WriteFile(filepath.Join(dir, file), []byte(find(name)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-eu", "-c", find("sh run")+"sh fill values.in.yaml")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "KMS_KEY=arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(out, new(any)); err != nil || regexp.MustCompile(`\[[a-z]+[A-Z]\w+\]`).Match(out) {
		t.Fatalf("names are left in brackets (%v):\n%s", err, out)
	}
	return string(out)
}
