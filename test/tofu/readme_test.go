package tofu

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// The README has every variable with its default and every output, and what it shows of
// the language is right.
func TestReadme(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(root + "/README.md")
	must(t, err)
	m := load(t, root)
	rows := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`[a-z_]+`(?:, `[a-z_]+`)*) \\| ([^|]*)\\|").FindAllStringSubmatch(string(content), -1) {
		for name := range strings.SplitSeq(row[1], ", ") {
			name = strings.Trim(name, "`")
			if _, before := rows[name]; !before { // bucket_name is an output too
				rows[name] = row[2]
			}
		}
	}
	for name, v := range m.variables {
		second, ok := rows[name]
		if !ok {
			t.Errorf("variable %s is not in README", name)
		}
		if required := v.fallback == cty.NilVal; required != strings.Contains(second, "required") {
			t.Errorf("README says of variable %s: %q", name, second)
		}
	}
	for name := range m.outputs {
		if _, ok := rows[name]; !ok {
			t.Errorf("output %s is not in README", name)
		}
	}
	for name := range rows {
		if m.variables[name] == nil && m.outputs[name] == nil {
			t.Errorf("README has %s, which is neither variable nor output", name)
		}
	}
	for _, block := range regexp.MustCompile("(?s)```hcl\n(.*?)```").FindAllStringSubmatch(string(content), -1) {
		parsed, diags := hclsyntax.ParseConfig([]byte(block[1]), "README.md", hcl.InitialPos)
		if diags.HasErrors() {
			t.Error(diags)
			continue
		}
		for _, block := range parsed.Body.(*hclsyntax.Body).Blocks {
			if block.Type != "module" {
				continue
			}
			for name := range block.Body.Attributes {
				if name != "source" && m.variables[name] == nil {
					t.Errorf("README gives %s, which is no variable", name)
				}
			}
			for name, v := range m.variables {
				if v.fallback == cty.NilVal && block.Body.Attributes[name] == nil {
					t.Errorf("README does not give %s, which is required", name)
				}
			}
		}
	}
}
