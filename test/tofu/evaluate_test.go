package tofu

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// evaluation is what a module says for the values of its variables. It does what OpenTofu
// does in an apply that goes well: nothing is unknown, and what AWS would answer is made up.
// So it proves what the documents and arguments are, not the order in which they come to be.
type evaluation struct {
	t       *testing.T
	m       *module
	vars    map[string]cty.Value
	done    map[string]cty.Value // by address: "local.a", "module.b", "aws_kms_key.c"
	doing   map[string]bool
	refused []string // what validations and conditions say
}

// evaluate checks the variables, and goes no further when they are refused.
func (m *module) evaluate(t *testing.T, given map[string]cty.Value) *evaluation {
	t.Helper()
	e := &evaluation{t: t, m: m, vars: map[string]cty.Value{}, done: map[string]cty.Value{}, doing: map[string]bool{}}
	for name := range given {
		if m.variables[name] == nil {
			t.Fatalf("%s has no variable %s", m.dir, name)
		}
	}
	for name, v := range m.variables {
		e.vars[name] = e.variable(name, v, given)
	}
	for _, name := range slices.Sorted(maps.Keys(m.variables)) {
		for _, rule := range m.variables[name].rules {
			e.check(rule, nil)
		}
	}
	return e
}

func (e *evaluation) variable(name string, v *variable, given map[string]cty.Value) cty.Value {
	e.t.Helper()
	value, ok := given[name]
	if !ok || value.IsNull() && !v.nullable {
		value = v.fallback
	}
	if value == cty.NilVal {
		e.t.Fatalf("variable %s of %s is not given and has no default", name, e.m.dir)
	}
	if v.defaults != nil && !value.IsNull() {
		value = v.defaults.Apply(value)
	}
	value, err := convert.Convert(value, v.wants)
	if err != nil {
		e.t.Fatalf("variable %s of %s: %v", name, e.m.dir, err)
	}
	return value
}

// check records the message of a rule whose condition does not hold.
func (e *evaluation) check(rule *hclsyntax.Body, local map[string]cty.Value) {
	e.t.Helper()
	if e.value(rule.Attributes["condition"].Expr, local).False() {
		e.refused = append(e.refused, e.value(rule.Attributes["error_message"].Expr, local).AsString())
	}
}

// output is the value of an output whose preconditions are checked.
func (e *evaluation) output(name string) cty.Value {
	e.t.Helper()
	body := e.m.outputs[name]
	if body == nil {
		e.t.Fatalf("%s has no output %s", e.m.dir, name)
	}
	for _, block := range body.Blocks {
		e.check(block.Body, nil)
	}
	return e.value(body.Attributes["value"].Expr, nil)
}

// value evaluates an expression, after everything that it refers to. local has what is
// known in one place alone: each, count, self, the iterator of a dynamic block.
func (e *evaluation) value(expression hclsyntax.Expression, local map[string]cty.Value) cty.Value {
	e.t.Helper()
	scope := map[string]cty.Value{
		"var":  cty.ObjectVal(e.vars),
		"path": cty.ObjectVal(map[string]cty.Value{"module": cty.StringVal(e.m.dir)}),
	}
	objects := map[string]map[string]cty.Value{}
	put := func(kind, name string, value cty.Value) {
		if objects[kind] == nil {
			objects[kind] = map[string]cty.Value{}
		}
		objects[kind][name] = value
	}
	data := map[string]map[string]cty.Value{}
	for _, traversal := range expression.Variables() {
		rootName := traversal.RootName()
		if _, here := local[rootName]; here || rootName == "var" || rootName == "path" {
			continue
		}
		address := addressOf(traversal)
		value := e.node(address, traversal.SourceRange().String())
		if parts := strings.Split(address, "."); parts[0] == "data" {
			if data[parts[1]] == nil {
				data[parts[1]] = map[string]cty.Value{}
			}
			data[parts[1]][parts[2]] = value
		} else {
			put(parts[0], parts[1], value)
		}
	}
	for kind, names := range data {
		put("data", kind, cty.ObjectVal(names))
	}
	for kind, names := range objects {
		scope[kind] = cty.ObjectVal(names)
	}
	maps.Copy(scope, local)
	value, diags := expression.Value(&hcl.EvalContext{Variables: scope, Functions: functions})
	if diags.HasErrors() {
		e.t.Fatal(diags)
	}
	return value
}

// addressOf is what a reference refers to, without what it takes of it.
func addressOf(traversal hcl.Traversal) string {
	n := 2
	if traversal.RootName() == "data" {
		n = 3
	}
	parts := make([]string, 0, n)
	for _, step := range traversal[:min(n, len(traversal))] {
		switch step := step.(type) {
		case hcl.TraverseRoot:
			parts = append(parts, step.Name)
		case hcl.TraverseAttr:
			parts = append(parts, step.Name)
		}
	}
	return strings.Join(parts, ".")
}

// node evaluates a local value, a call of a module, a resource or a data source, once.
func (e *evaluation) node(address, place string) cty.Value {
	e.t.Helper()
	if value, ok := e.done[address]; ok {
		return value
	}
	if e.doing[address] {
		e.t.Fatalf("%s: %s refers to itself", place, address)
	}
	e.doing[address] = true
	kind, name, _ := strings.Cut(address, ".")
	var value cty.Value
	switch {
	case kind == "local" && e.m.locals[name] != nil:
		value = e.value(e.m.locals[name], nil)
	case kind == "module" && e.m.calls[name] != nil:
		value = e.call(e.m.calls[name])
	case e.m.resources[address] != nil:
		value = e.resource(address)
	default:
		e.t.Fatalf("%s: there is no %s", place, address)
	}
	delete(e.doing, address)
	e.done[address] = value
	return value
}

// call evaluates all outputs of a module that is called.
func (e *evaluation) call(body *hclsyntax.Body) cty.Value {
	e.t.Helper()
	given := map[string]cty.Value{}
	var dir string
	for name, attribute := range body.Attributes {
		if name == "source" {
			dir = filepath.Join(e.m.dir, e.value(attribute.Expr, nil).AsString())
			continue
		}
		given[name] = e.value(attribute.Expr, nil)
	}
	called := load(e.t, dir).evaluate(e.t, given)
	outputs := map[string]cty.Value{}
	for name := range called.m.outputs {
		if len(called.refused) == 0 {
			outputs[name] = called.output(name)
		}
	}
	e.refused = append(e.refused, called.refused...)
	if len(e.refused) > 0 {
		e.t.Fatalf("%s refuses: %s", dir, strings.Join(e.refused, "; "))
	}
	return cty.ObjectVal(outputs)
}

// everything evaluates all that the module has, and returns the addresses of its resources.
func (e *evaluation) everything() []string {
	e.t.Helper()
	for _, name := range slices.Sorted(maps.Keys(e.m.locals)) {
		e.node("local."+name, fmt.Sprint("locals of ", e.m.dir))
	}
	for name := range e.m.calls {
		e.node("module."+name, e.m.dir)
	}
	addresses := slices.Sorted(maps.Keys(e.m.resources))
	for _, address := range addresses {
		e.node(address, e.m.dir)
	}
	for name := range e.m.outputs {
		e.output(name)
	}
	return addresses
}
