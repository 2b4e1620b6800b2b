package tofu

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

func directories() []string {
	return []string{root, policies, root + "/examples/pod-identity", root + "/examples/irsa"}
}

// Every directory with files of OpenTofu is one of those, and every file is formatted as
// `tofu fmt` does it, whose formatter this is.
func TestFilesAreFormatted(t *testing.T) {
	t.Parallel()
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(file) != ".tf" {
			return err
		}
		if !slices.Contains(directories(), filepath.ToSlash(filepath.Dir(file))) {
			t.Errorf("%s is in a directory that no test knows", file)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if string(hclwrite.Format(text)) != string(text) {
			t.Errorf("%s is not formatted: tofu fmt -recursive deploy/tofu", file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What is declared is used, and says what it is for.
func TestEverythingDeclaredIsUsed(t *testing.T) {
	t.Parallel()
	for _, dir := range directories() {
		m := load(t, dir)
		used := m.references()
		for name, v := range m.variables {
			if !used["var."+name] {
				t.Errorf("%s: nothing reads variable %s", dir, name)
			}
			if v.about == "" {
				t.Errorf("%s: variable %s has no description", dir, name)
			}
		}
		for name := range m.locals {
			if !used["local."+name] {
				t.Errorf("%s: nothing reads local.%s", dir, name)
			}
		}
		for address := range m.resources {
			if strings.HasPrefix(address, "data.") && !used[address] {
				t.Errorf("%s: nothing reads %s", dir, address)
			}
		}
		for name, body := range m.outputs {
			if body.Attributes["description"] == nil {
				t.Errorf("%s: output %s has no description", dir, name)
			}
		}
	}
}

// references are the addresses that the module's expressions name. A variable that only its
// own validation reads is not used.
func (m *module) references() map[string]bool {
	found := map[string]bool{}
	read := func(expression hclsyntax.Expression) {
		for _, traversal := range expression.Variables() {
			found[addressOf(traversal)] = true
		}
	}
	for _, expression := range m.locals {
		read(expression)
	}
	var walk func(body *hclsyntax.Body)
	walk = func(body *hclsyntax.Body) {
		for _, attribute := range body.Attributes {
			read(attribute.Expr)
		}
		for _, block := range body.Blocks {
			walk(block.Body)
		}
	}
	for name, v := range m.variables {
		before := found["var."+name]
		for _, rule := range v.rules {
			walk(rule)
		}
		if !before {
			delete(found, "var."+name)
		}
	}
	for _, bodies := range []map[string]*hclsyntax.Body{m.outputs, m.resources, m.calls} {
		for _, body := range bodies {
			walk(body)
		}
	}
	return found
}

// The root module passes on every variable that the module policies has, and the two take
// the same values for what has the same name.
func TestRootPassesEverythingOn(t *testing.T) {
	t.Parallel()
	outer, inner := load(t, root), load(t, policies)
	passed := outer.calls["policies"].Attributes
	for name, v := range inner.variables {
		if passed[name] == nil {
			t.Errorf("%s is not passed on", name)
		}
		same := outer.variables[name]
		if name == "kms_key_arn" || name == "irsa" { // the root module's own
			continue
		}
		switch {
		case same == nil:
			t.Errorf("the root module has no variable %s", name)
		case !same.wants.Equals(v.wants):
			t.Errorf("%s is %#v there and %#v here", name, same.wants, v.wants)
		case same.fallback != cty.NilVal && !same.fallback.RawEquals(v.fallback):
			t.Errorf("%s has another default there", name)
		}
	}
}

// The module policies needs no provider, so that it can be applied without any.
func TestPoliciesHaveNoProvider(t *testing.T) {
	t.Parallel()
	m := load(t, policies)
	if n := len(m.resources) + len(m.calls) + len(m.providers); n > 0 {
		t.Errorf("%d resources, modules and providers", n)
	}
	for _, settings := range m.settings {
		if len(settings.Blocks) > 0 {
			t.Errorf("%s: terraform has a block %s", settings.SrcRange, settings.Blocks[0].Type)
		}
	}
}

// All ask for the same versions, and a module configures no provider itself.
func TestVersionsAgree(t *testing.T) {
	t.Parallel()
	want := map[string]string{"required_version": ">= 1.9.0", "source": "hashicorp/aws", "version": ">= 6.40.0, < 7.0.0"}
	for _, dir := range directories() {
		m := load(t, dir)
		got := map[string]string{}
		for _, body := range m.settings {
			e := &evaluation{t: t, m: m}
			got["required_version"] = e.value(body.Attributes["required_version"].Expr, nil).AsString()
			for _, block := range body.Blocks {
				for name, value := range e.value(block.Body.Attributes["aws"].Expr, nil).AsValueMap() {
					got[name] = value.AsString()
				}
			}
		}
		expected := want
		if dir == policies {
			expected = map[string]string{"required_version": want["required_version"]}
		}
		if !maps.Equal(got, expected) {
			t.Errorf("%s wants %v", dir, got)
		}
		if len(m.providers) > 0 && !strings.Contains(dir, "examples") {
			t.Errorf("%s configures a provider", dir)
		}
	}
}

// What cannot be made again is not destroyed by a plan that nobody read.
func TestBucketAndKeyAreNotDestroyed(t *testing.T) {
	t.Parallel()
	m := load(t, root)
	for _, address := range []string{"aws_s3_bucket.artifacts", "aws_kms_key.artifacts"} {
		kept := false
		for _, block := range m.resources[address].Blocks {
			if attribute := block.Body.Attributes["prevent_destroy"]; block.Type == "lifecycle" && attribute != nil {
				value, _ := attribute.Expr.Value(nil)
				kept = value.True()
			}
		}
		if !kept {
			t.Errorf("%s may be destroyed", address)
		}
	}
}
