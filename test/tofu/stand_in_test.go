package tofu

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// standIn builds what takes the provider's place: tools/tofu/provider, with the kinds of our
// table. It makes nothing, but the program's own graph, plan and apply run.
var standIn = sync.OnceValues(func() (map[string]string, error) {
	file, err := build(tools, "terraform-provider-aws", "./provider")
	if err != nil {
		return nil, err
	}
	kinds, err := json.Marshal(kindsForProvider())
	if err != nil {
		return nil, err
	}
	table := filepath.Join(workshop, "kinds.json")
	if err := os.WriteFile(table, kinds, 0o600); err != nil {
		return nil, err
	}
	settings := filepath.Join(workshop, "stand-in")
	text := fmt.Sprintf("disable_checkpoint = true\nprovider_installation {\n  dev_overrides {\n    %q = %q\n  }\n}\n", "hashicorp/aws", filepath.Dir(file))
	return map[string]string{"PROVIDER_KINDS": table, "TF_CLI_CONFIG_FILE": settings}, os.WriteFile(settings, []byte(text), 0o600)
})

func kindsForProvider() map[string]any {
	var write func(b body) map[string]any
	write = func(b body) map[string]any {
		blocks := map[string]any{}
		for name, inner := range b.blocks {
			blocks[name] = write(inner)
		}
		return map[string]any{"Required": named(b.required), "Optional": named(b.optional), "Blocks": blocks}
	}
	kinds := map[string]any{}
	for name, k := range provider {
		kinds[name] = write(k.body)
		kinds[name].(map[string]any)["Exports"] = k.exports
	}
	return kinds
}

// copied is deploy in a directory of its own, with a module of it to run there.
func copied(t *testing.T, program, module string) tool {
	t.Helper()
	dir := t.TempDir()
	for _, part := range []string{"tofu", "policies"} {
		must(t, os.CopyFS(filepath.Join(dir, part), os.DirFS(filepath.Join(deploy, part))))
	}
	env, err := standIn()
	must(t, err)
	x := tool{program: program, dir: filepath.Join(dir, "tofu", module), env: env}
	// The modules that it calls; there is no provider to be found by init.
	x.must(t, "get")
	return x
}

// With a stand-in for the provider the root module is planned and applied, from nothing; a
// second plan changes nothing; and it is not destroyed before bucket and key are let go.
func TestToolAppliesRootWithStandIn(t *testing.T) {
	t.Parallel()
	program := program(t)
	if program == "" {
		return
	}
	for _, name := range []string{"every variable", "the guide's, IRSA", "other identities"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := copied(t, program, ".")
			given, err := json.Marshal(settings()[name])
			must(t, err)
			must(t, os.WriteFile(filepath.Join(x.dir, "terraform.tfvars.json"), given, 0o600))
			x.must(t, "validate")
			x.must(t, "apply", "-auto-approve", "-input=false")
			if out, err := x.run(t, "plan", "-detailed-exitcode", "-input=false"); err != nil {
				t.Errorf("a second apply would change something:\n%s", out)
			}
			var outputs map[string]struct{ Value any }
			must(t, json.Unmarshal([]byte(x.must(t, "output", "-json")), &outputs))
			e := load(t, root).evaluate(t, values(t, settings()[name]))
			for _, output := range []string{"helm_values", "configuration"} {
				if want := readYAML(t, e.output(output).AsString()); !cmp.Equal(want, readYAML(t, fmt.Sprint(outputs[output].Value))) {
					t.Errorf("%s is\n%v, and in Go\n%v", output, outputs[output].Value, want)
				}
			}
			if _, err := x.run(t, "destroy", "-auto-approve", "-input=false"); err == nil {
				t.Error("it was destroyed")
			}
			if left := x.must(t, "state", "list"); strings.Count(left, "\n") < 15 {
				t.Errorf("after a destroy that was refused there is only\n%s", left)
			}
			x.must(t, "state", "rm", "aws_s3_bucket.artifacts", "aws_kms_key.artifacts")
			x.must(t, "destroy", "-auto-approve", "-input=false")
		})
	}
}

func TestToolPlansExamplesWithStandIn(t *testing.T) {
	t.Parallel()
	program := program(t)
	if program == "" {
		return
	}
	for _, example := range []string{"pod-identity", "irsa"} {
		x := copied(t, program, filepath.Join("examples", example))
		x.must(t, "validate")
		if plan := x.must(t, "plan", "-input=false"); !strings.Contains(plan, "0 to change, 0 to destroy") {
			t.Errorf("%s: %s", example, plan)
		}
	}
}

func readYAML(t *testing.T, text string) any {
	t.Helper()
	var value any
	must(t, yaml.Unmarshal([]byte(text), &value))
	return value
}
