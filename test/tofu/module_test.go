package tofu

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

const (
	deploy   = "../../deploy"
	root     = deploy + "/tofu"
	policies = root + "/policies"
)

// module is one directory of .tf files, as far as ours go: no aliases of providers, no
// provisioners.
type module struct {
	dir       string
	variables map[string]*variable
	locals    map[string]hclsyntax.Expression
	outputs   map[string]*hclsyntax.Body
	resources map[string]*hclsyntax.Body // by address: "aws_kms_key.a", "data.aws_region.b"
	calls     map[string]*hclsyntax.Body
	providers []*hclsyntax.Block
	settings  []*hclsyntax.Body // terraform
}

type variable struct {
	wants    cty.Type
	defaults *typeexpr.Defaults
	fallback cty.Value // cty.NilVal: it must be given
	nullable bool
	about    string
	rules    []*hclsyntax.Body
}

func load(t *testing.T, dir string) *module {
	t.Helper()
	m := &module{
		dir: dir, variables: map[string]*variable{}, locals: map[string]hclsyntax.Expression{}, outputs: map[string]*hclsyntax.Body{},
		resources: map[string]*hclsyntax.Body{}, calls: map[string]*hclsyntax.Body{},
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.tf"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has %d files of OpenTofu (%v)", dir, len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		parsed, diags := hclsyntax.ParseConfig(text, file, hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		for _, block := range parsed.Body.(*hclsyntax.Body).Blocks {
			m.add(t, block)
		}
	}
	return m
}

// add files one block. What it does not know the module must not have.
func (m *module) add(t *testing.T, block *hclsyntax.Block) {
	t.Helper()
	place := block.DefRange().String()
	once := func(found bool) {
		if found {
			t.Fatalf("%s: %s %s is there twice", place, block.Type, strings.Join(block.Labels, "."))
		}
	}
	switch block.Type {
	case "terraform":
		m.settings = append(m.settings, block.Body)
	case "provider":
		m.providers = append(m.providers, block)
	case "variable":
		once(m.variables[block.Labels[0]] != nil)
		m.variables[block.Labels[0]] = readVariable(t, block)
	case "locals":
		for name, attribute := range block.Body.Attributes {
			once(m.locals[name] != nil)
			m.locals[name] = attribute.Expr
		}
	case "output":
		once(m.outputs[block.Labels[0]] != nil)
		m.outputs[block.Labels[0]] = block.Body
	case "resource":
		once(m.resources[strings.Join(block.Labels, ".")] != nil)
		m.resources[strings.Join(block.Labels, ".")] = block.Body
	case "data":
		once(m.resources["data."+strings.Join(block.Labels, ".")] != nil)
		m.resources["data."+strings.Join(block.Labels, ".")] = block.Body
	case "module":
		once(m.calls[block.Labels[0]] != nil)
		m.calls[block.Labels[0]] = block.Body
	default:
		t.Fatalf("%s: no block %q was expected here", place, block.Type)
	}
}

func readVariable(t *testing.T, block *hclsyntax.Block) *variable {
	t.Helper()
	v := &variable{nullable: true}
	for name, attribute := range block.Body.Attributes {
		var diags hcl.Diagnostics
		var value cty.Value
		switch name {
		case "type":
			v.wants, v.defaults, diags = typeexpr.TypeConstraintWithDefaults(attribute.Expr)
		case "default":
			v.fallback, diags = attribute.Expr.Value(nil)
		case "nullable":
			value, diags = attribute.Expr.Value(nil)
			v.nullable = value.True()
		case "description":
			value, diags = attribute.Expr.Value(nil)
			v.about = value.AsString()
		default:
			t.Errorf("%s: argument %q of a variable was not expected", block.DefRange(), name)
		}
		if diags.HasErrors() {
			t.Fatal(diags)
		}
	}
	for _, rule := range block.Body.Blocks {
		v.rules = append(v.rules, rule.Body)
	}
	return v
}
